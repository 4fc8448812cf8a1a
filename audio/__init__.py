"""Audio in: sniff a recording's container, probe it, decode it in blocks."""
