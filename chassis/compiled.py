"""Numeric loops as machine code: compiled when their module is imported, or read from an earlier import's cache."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(*signatures: str) -> Callable[[F], F]:
    """Compile a function for Numba `signatures`, so that no job waits for a compiler.

    Arithmetic is IEEE's, in the order that is written: the same input gives the same bits on every machine. A division
    by zero gives an infinity, as in NumPy. The code lies in `__pycache__`, or in `NUMBA_CACHE_DIR`.
    """

    def compile_now(function: F) -> F:
        decorate = numba.njit(list(signatures), cache=True, nogil=True, error_model="numpy")
        return cast("F", decorate(function))

    return compile_now
