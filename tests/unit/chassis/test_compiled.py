import numpy as np

from chassis.compiled import compiled, multiply_add


def test_multiply_add_rounds_once() -> None:
    # (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: rounded before 1 is taken away, its last term is lost.
    near = np.float32(1 + 2**-12)

    assert _square_and_add(near, np.float32(-1)) == 2**-11 + 2**-24
    assert near * near - np.float32(1) == 2**-11


@compiled("float32(float32, float32)")
def _square_and_add(number: np.float32, addend: np.float32) -> np.float32:
    return multiply_add(number, number, addend)
