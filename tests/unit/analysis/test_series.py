"""A series says the same as numpy over all its values."""

import numpy as np
import pytest

from services.analysis import series as series_module
from services.analysis.series import Series


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


def test_a_series_beyond_its_limit_keeps_every_second_value_and_then_every_fourth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_module, "KEPT_MAX", 1000)
    values = np.arange(3500, dtype=np.float32)
    series = Series()

    for block in np.array_split(values, 11):
        series.add(block)

    np.testing.assert_array_equal(np.concatenate(series._kept), values[::4])
    summary = series.aggregate()
    assert summary is not None
    assert summary.mean == pytest.approx(values.mean())
    assert summary.p50 == pytest.approx(np.median(values), abs=4)


def test_a_series_without_values_has_no_statistics() -> None:
    series = Series()

    series.add(np.empty(0, dtype=np.float32))

    assert series.aggregate() is None
