import os
from pathlib import Path

import numpy as np

from chassis.compiled import compiled, let_go_of_compiler, multiply_add


def test_multiply_add_rounds_once() -> None:
    # (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: rounded before 1 is taken away, its last term is lost.
    near = np.float32(1 + 2**-12)

    assert _square_and_add(near, np.float32(-1)) == 2**-11 + 2**-24
    assert near * near - np.float32(1) == 2**-11


@compiled("float32(float32, float32)")
def _square_and_add(number: np.float32, addend: np.float32) -> np.float32:
    return multiply_add(number, number, addend)


def test_the_compilers_pages_are_given_back_and_come_again_when_they_are_needed() -> None:
    before = _resident_bytes()

    let_go_of_compiler()

    assert _resident_bytes() < before - 20_000_000
    assert compiled("int64(int64)")(_doubled)(21) == 42


def _doubled(number: int) -> int:
    return 2 * number


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
