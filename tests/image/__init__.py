"""Follows the Dockerfile where no engine can: its steps in folders, its services as processes over real servers."""
