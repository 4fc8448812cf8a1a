"""Sends the running stack what its own OpenAPI document allows, and what it does not."""
