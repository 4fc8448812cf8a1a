"""A series says the same as numpy over all its values."""

from dataclasses import asdict

import numpy as np
import pytest

from services.analysis.series import Columns, Series


def test_statistics_do_not_depend_on_the_blocks_that_values_came_in() -> None:
    values = np.random.default_rng(0).normal(5000, 3, 10_000).astype(np.float32)
    series = Series()

    for block in np.array_split(values, 37):
        series.add(block)

    summary = series.aggregate()
    assert summary is not None
    exact = values.astype(np.float64)
    assert summary.count == 10_000
    assert summary.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert summary.std == pytest.approx(exact.std(), rel=1e-9)
    assert (summary.minimum, summary.maximum) == (values.min(), values.max())
    assert [summary.p05, summary.p50, summary.p95] == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]).tolist())


def test_columns_beyond_their_limit_keep_every_second_frame_and_then_every_fourth() -> None:
    values = np.arange(7000, dtype=np.float32).reshape(3500, 2)
    columns = Columns(2, kept_frames=1000)

    for block in np.array_split(values, 11):
        columns.add(block)

    np.testing.assert_array_equal(columns._kept[: columns._kept_frames], values[::4])
    found = columns.aggregates()
    assert found is not None
    assert found.count == 3500
    np.testing.assert_allclose(found.mean, values.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(found.p50, np.median(values, axis=0), atol=8)


def test_each_of_several_columns_has_the_statistics_that_it_has_alone() -> None:
    values = np.random.default_rng(0).normal([-500, 0, 3], [40, 1e-3, 5], (5000, 3)).astype(np.float32)
    columns, alone = Columns(3), [Series() for _ in range(3)]

    for block in np.array_split(values, 19):
        columns.add(block)
        for series, column in zip(alone, block.T, strict=True):
            series.add(column)

    found = columns.aggregates()
    assert found is not None
    for index, series in enumerate(alone):
        expected = series.aggregate()
        assert expected is not None
        assert asdict(found.column(index)) == pytest.approx(asdict(expected), rel=1e-12)


def test_a_series_without_values_has_no_statistics() -> None:
    series = Series()

    series.add(np.empty(0, dtype=np.float32))

    assert series.aggregate() is None
    assert Columns(3).aggregates() is None
