"""Numeric loops as machine code: compiled when their module is imported, or read from an earlier import's cache."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.typing.context import BaseContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

_MAPPINGS = Path("/proc/self/maps")
_MADV_DONTNEED = 4

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


def let_go_of_compiler() -> None:
    """Give back the memory that the compiler's own code takes, 50 MB, once everything is compiled.

    Nobody wrote to these pages, so the kernel reads them again from the library's file if they are needed.
    """
    if not _MAPPINGS.exists():
        return
    madvise = ctypes.CDLL(None).madvise
    for mapping in _MAPPINGS.read_text().splitlines():
        addresses, rights, *_, name = mapping.split()
        if rights == "r-xp" and "llvmlite" in name:
            start, end = (int(address, 16) for address in addresses.split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
