"""What every unit test may ask for."""

from tests.audio import recordings

__all__ = ["recordings"]
