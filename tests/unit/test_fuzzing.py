"""Wrong bytes end as expected errors: some thousand fixed mutations, and all that was ever found."""

import base64
from pathlib import Path

import pytest

from tests.fuzzing.findings import FINDINGS
from tests.fuzzing.mutation import mutated
from tests.fuzzing.rounds import decoded, ended, parsed, taken
from tests.fuzzing.targets import TARGETS, Target
from tests.unit.audio.measured import meter

PARSED = 1000
DECODED = 150


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_raises_nothing_that_is_not_expected(name: str) -> None:
    assert list(map(str, parsed(TARGETS[name], range(PARSED)))) == []


def test_a_decoder_ends_as_documented_in_its_child(tmp_path: Path) -> None:
    with meter() as measuring:
        assert list(map(str, decoded(measuring, tmp_path, range(DECODED)))) == []


def test_what_was_found_once_is_not_found_again(tmp_path: Path) -> None:
    with meter() as measuring:
        for name, encoded in FINDINGS:
            content = base64.b64decode(encoded)
            again = taken(TARGETS[name], content) if name in TARGETS else ended(measuring, tmp_path, content)
            assert again is None, str(again)


def test_an_error_that_is_not_expected_is_found_and_repeats() -> None:
    def take(content: bytes) -> None:
        if 0xFF in content:
            raise ZeroDivisionError

    broken = Target("broken", lambda: (bytes(100),), take, (ValueError,))

    found, again = (list(parsed(broken, range(100))) for _ in range(2))

    assert found == again != []
    assert taken(broken, found[0].content) == found[0]


def test_mutations_are_many_and_the_same_for_the_same_number() -> None:
    seeds = (bytes(range(200)), b"RIFF" * 50)

    assert len({mutated(seeds, number) for number in range(500)}) > 400
    assert [mutated(seeds, number) for number in range(50)] == [mutated(seeds, number) for number in range(50)]


@pytest.mark.parametrize("name", TARGETS)
def test_right_bytes_are_right_to_every_target(name: str) -> None:
    assert [taken(TARGETS[name], seed) for seed in TARGETS[name].seeds()] == [None] * len(TARGETS[name].seeds())
