"""Numeric loops as machine code: compiled when their module is imported, or read from an earlier import's cache."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.typing.context import BaseContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

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


def _multiply_add(
    _: BaseContext, a: types.Type, b: types.Type, c: types.Type
) -> tuple[Signature, Callable[..., object]]:
    return a(a, b, c), lambda _context, builder, _signature, operands: builder.fma(*operands)


multiply_add = cast("Callable[[np.float32, np.float32, np.float32], np.float32]", intrinsic(_multiply_add))
"""a * b + c of three floats of one type, rounded once, as C's `fma` does; for compiled functions."""
