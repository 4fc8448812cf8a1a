import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rendering import Pool
from services.spectrogram.pooling import Indices, Power, pool_power, pool_spectra, power_of

SIZE = 32
BINS = SIZE // 2 + 1


@given(
    first=st.integers(0, BINS - 1),
    inner=st.sets(st.integers(1, BINS - 1)),
    places=st.lists(st.integers(0, 5), max_size=20).map(sorted),
    pool=st.sampled_from(["max", "mean"]),
)
def test_any_places_and_edges_give_the_plain_maximum_or_sum(
    first: int, inner: set[int], places: list[int], pool: Pool
) -> None:
    bins = BINS - first
    edges = np.array([0, *sorted(edge for edge in inner if edge < bins), bins])
    spectra = np.random.default_rng(first).normal(0, 1, (len(places), SIZE)).astype(np.float32)
    before = np.random.default_rng(1).uniform(0, 2, (6, len(edges) - 1)).astype(np.float32)
    power, of_spectra, of_power = _plain_power(spectra)[:, first:], before.copy(), before.copy()

    pool_spectra(spectra, first, np.array(places, dtype=np.int64), edges, of_spectra, pool)
    pool_power(power_of(spectra, first, bins), np.array(places, dtype=np.int64), edges, of_power, pool)

    np.testing.assert_array_equal(of_spectra, of_power)
    np.testing.assert_allclose(of_spectra, _plain(power, places, edges, before, pool), rtol=1e-5)


def test_a_maximum_is_one_of_the_powers_to_the_last_bit() -> None:
    spectra = np.random.default_rng(2).normal(0, 1, (50, SIZE)).astype(np.float32)
    cells = np.zeros((1, 1), dtype=np.float32)

    pool_spectra(spectra, 0, np.zeros(50, dtype=np.int64), np.array([0, BINS]), cells, "max")

    assert cells[0, 0] == power_of(spectra, 0, BINS).max()


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_no_frames_change_nothing(pool: Pool) -> None:
    cells = np.ones((2, 1), dtype=np.float32)

    pool_spectra(np.empty((0, SIZE), np.float32), 0, np.empty(0, np.int64), np.array([0, BINS]), cells, pool)

    assert (cells == 1).all()


def _plain_power(spectra: Power) -> Power:
    pairs = np.square(spectra[:, 1:-1]).reshape(len(spectra), SIZE // 2 - 1, 2).sum(axis=2)
    return np.concatenate([spectra[:, :1] ** 2, pairs, spectra[:, -1:] ** 2], axis=1)


def _plain(power: Power, places: list[int], edges: Indices, before: Power, pool: Pool) -> Power:
    join = np.maximum if pool == "max" else np.add
    joined = before.copy()
    for row, place in zip(power, places, strict=True):
        for band in range(len(edges) - 1):
            for cell in row[edges[band] : edges[band + 1]]:
                joined[place, band] = join(joined[place, band], cell)
    return joined
