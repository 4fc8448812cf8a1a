"""Ingest: takes recordings in, makes them durable, and announces them."""
