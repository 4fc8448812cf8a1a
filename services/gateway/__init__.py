"""The gateway: the public door for people and programs."""
