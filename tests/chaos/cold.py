"""What a child does instead of getting warm, in a process of its own that loads nothing else of the tests."""

from typing import Any


def stay_cold(*_: Any, **__: Any) -> None:
    """Do nothing."""
