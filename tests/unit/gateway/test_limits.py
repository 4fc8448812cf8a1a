from contextlib import ExitStack

import pytest

from chassis.problems import ProblemError
from services.gateway.bodies import DEPTH_MAX, is_deep
from services.gateway.limits import RateClass, Slots


def test_a_caller_has_so_many_slots_and_gets_them_back() -> None:
    slots = Slots({RateClass.UPLOAD: 2})

    with ExitStack() as held:
        held.enter_context(slots.taken("anna", RateClass.UPLOAD))
        held.enter_context(slots.taken("anna", RateClass.UPLOAD))
        held.enter_context(slots.taken("bert", RateClass.UPLOAD))
        with pytest.raises(ProblemError) as refusal:
            held.enter_context(slots.taken("anna", RateClass.UPLOAD))

    assert (refusal.value.status, refusal.value.code) == (429, "too_many_at_once")
    assert refusal.value.headers["Retry-After"] == "1"
    with slots.taken("anna", RateClass.UPLOAD):
        pass


@pytest.mark.parametrize("bounds", [{}, {RateClass.READ: 0}])
def test_without_a_bound_there_is_always_a_slot(bounds: dict[RateClass, int]) -> None:
    slots = Slots(bounds)

    with ExitStack() as held:
        for _ in range(100):
            held.enter_context(slots.taken("anna", RateClass.READ))


@pytest.mark.parametrize(
    ("body", "deep"),
    [
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, False),
        (b"[" * (DEPTH_MAX + 1), True),
        (b'{"a":' * (DEPTH_MAX + 1), True),
        (b"[[]]," * DEPTH_MAX, False),
        (b"[" + b"[]," * 1000 + b"[]]", False),
        (b'["' + b"[" * 1000 + b'"]', False),
        (b'["\\"' + b"[" * 1000 + b'"]', False),
        (b'["a" ' + b"[" * 1000, True),
        (b"[]" * DEPTH_MAX + b'"' + b'\\"' * 500_000, False),
        (b"", False),
        (b"\xff" * 100, False),
    ],
)
def test_depth_is_that_of_the_brackets_outside_of_strings(body: bytes, deep: bool) -> None:
    assert is_deep(body) is deep
