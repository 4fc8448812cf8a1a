"""Acoustic analysis: one decode, shared inputs, and the extractors that turn them into a manifest."""
