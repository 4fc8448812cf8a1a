"""The table of docs/decoding.md is what decoding gives; its speeds were measured, and are not checked."""

from pathlib import Path

import pytest

from tests.benchmarks.decoding import HEAD, PAGE, facts
from tests.formats import KINDS
from tests.pages import marked_table

ROWS = {row[0]: row[1:] for row in marked_table(PAGE, "formats")}


def test_the_table_has_every_kind_of_recording() -> None:
    assert list(ROWS) == list(KINDS)
    assert {len(cells) for cells in ROWS.values()} == {len(HEAD) - 1}


@pytest.mark.parametrize("name", KINDS)
def test_a_row_of_the_table_is_what_decoding_gives(tmp_path: Path, name: str) -> None:
    found = facts(KINDS[name], tmp_path)

    assert ROWS[name][:-1] == found.cells()
    assert found.seeks != "another place"
    assert float(ROWS[name][-1].replace(",", "")) > 1
