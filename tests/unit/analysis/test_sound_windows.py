"""Windows are cut from a stream as if it were there as a whole."""

import numpy as np
import pytest

from services.analysis.sound_windows import SoundWindow, WindowCutter


@pytest.mark.parametrize("block", [1, 3, 10, 100])
def test_windows_lie_where_they_would_in_the_whole(block: int) -> None:
    found = cut(25, hop=10, block=block)

    assert [(each.start, each.end) for each in found] == [(0, 10), (10, 20), (20, 25)]
    np.testing.assert_array_equal(found[1].samples, np.arange(10, 20))
    np.testing.assert_array_equal(found[2].samples, [20, 21, 22, 23, 24, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(("count", "ends"), [(0, []), (4, []), (5, [5]), (14, [10]), (15, [10, 15])])
def test_a_rest_that_is_too_short_is_left_out(count: int, ends: list[int]) -> None:
    assert [each.end for each in cut(count, hop=10, block=4)] == ends


def test_windows_that_overlap_share_samples_up_to_the_end() -> None:
    found = cut(22, hop=4, block=7)

    assert [(each.start, each.end) for each in found] == [(0, 10), (4, 14), (8, 18), (12, 22), (16, 22)]
    assert all(list(each.samples[:6]) == list(range(each.start, each.start + 6)) for each in found)


def test_what_was_heard_is_not_held() -> None:
    cutter = WindowCutter(length=10, hop=10, shortest=5)

    held = [sum(len(piece) for piece in cutter._waiting) for _ in cut_by(cutter, 1000, block=30)]

    assert max(held) <= 40


def cut(count: int, *, hop: int, block: int) -> list[SoundWindow]:
    cutter = WindowCutter(length=10, hop=hop, shortest=5)
    return [*cut_by(cutter, count, block=block), *cutter.finish()]


def cut_by(cutter: WindowCutter, count: int, *, block: int) -> list[SoundWindow]:
    samples = np.arange(count, dtype=np.float32)
    return [each for start in range(0, count, block) for each in cutter.push(samples[start : start + block])]
