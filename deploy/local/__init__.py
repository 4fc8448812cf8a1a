"""The whole stack without Docker: real servers and the four services as processes on loopback."""
