"""A range of bytes is what RFC 9110 says it is."""

import pytest

from chassis.problems import ProblemError
from services.gateway.ranges import asked_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-99", range(100)),
        ("bytes=10-19", range(10, 20)),
        ("bytes=90-", range(90, 100)),
        ("bytes=-8", range(92, 100)),
        ("bytes=-800", range(100)),
        ("bytes=50-5000", range(50, 100)),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
    ],
)
def test_a_header_asks_for_these_bytes(header: str | None, expected: range | None) -> None:
    assert asked_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=20-10"])
def test_bytes_that_are_not_there_are_a_problem_that_says_how_many_there_are(header: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        asked_range(header, 100)

    assert (refusal.value.status, refusal.value.code) == (416, "no_such_range")
    assert refusal.value.headers == {"Content-Range": "bytes */100"}
