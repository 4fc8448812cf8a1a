"""What an application has opened, provided to its routes by name."""

from collections.abc import Callable
from typing import Any

from litestar.datastructures import State
from litestar.di import Provide


def of_state(*names: str) -> dict[str, Provide]:
    """Return Litestar's dependencies that are what the application's state holds under `names`."""
    return {name: Provide(_reader(name), sync_to_thread=False) for name in names}


def _reader(name: str) -> Callable[[State], Any]:
    def provide(state: State) -> Any:  # noqa: ANN401 (a different type per name)
        return state[name]

    return provide
