"""Numbers that are put aside come back as they were, from memory and from disk, and let go of the file."""

import gc

import numpy as np
import pytest

from services.analysis import put_aside
from services.analysis.put_aside import PutAside


@pytest.mark.parametrize("in_memory_bytes", [1, 1 << 16])
def test_what_is_put_aside_comes_back_in_order_however_often(
    in_memory_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(put_aside, "_IN_MEMORY_BYTES", in_memory_bytes)
    numbers = np.random.default_rng(0).normal(size=50_000)
    aside = PutAside(np.float64)

    for piece in np.array_split(numbers[:40_000], 7):
        aside.add(piece)
    early = np.concatenate(list(aside.pieces()))
    aside.add(numbers[40_000:])

    assert aside.count == len(numbers)
    np.testing.assert_array_equal(early, numbers[:40_000])
    np.testing.assert_array_equal(np.concatenate(list(aside.pieces())), numbers)


def test_nothing_put_aside_is_nothing() -> None:
    assert list(PutAside(np.uint32).pieces()) == []


def test_a_file_goes_with_what_was_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_aside, "_IN_MEMORY_BYTES", 1)
    aside = PutAside(np.uint32)
    aside.add(np.arange(10, dtype=np.uint32))
    file = aside._file

    del aside
    gc.collect()

    assert file.closed
