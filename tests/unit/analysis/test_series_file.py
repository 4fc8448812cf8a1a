"""Frame series go to Parquet as they come, and hold what the aggregates were made of."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from pyarrow import parquet

from audio.decode import AudioLimits
from audio.sniff import Container
from services.analysis.analyse import analyse
from services.analysis.extractors import EXTRACTORS, SeriesBlock
from services.analysis.plan import Plan
from services.analysis.results import Analysis, SeriesFile
from services.analysis.series_file import ROWS_PER_GROUP, SeriesWriter

from .signals import RATE_HZ, Floats, harmonic_tone, noise
from .test_analyse import Broken


def test_a_series_reads_back_as_it_was_written_with_units_and_nulls(tmp_path: Path) -> None:
    writer = SeriesWriter(tmp_path / "series.parquet", {"f0": "Hz", "loudness": "LUFS"})
    writer.add(block([0.0, 0.1], f0=[440.0, np.nan], loudness=[-20.0, -21.0]))
    writer.add(block([0.2], f0=[np.nan], loudness=[-22.0]))

    written = writer.finish()

    table = parquet.read_table(written.path)
    assert table.column("time_s").to_pylist() == [0.0, 0.1, 0.2]
    assert table.column("f0").to_pylist() == [440.0, None, None]
    assert table.column("loudness").to_pylist() == [-20.0, -21.0, -22.0]
    assert [field.metadata[b"unit"] for field in table.schema] == [b"s", b"Hz", b"LUFS"]
    assert [field.type for field in table.schema] == [pa.float64(), pa.float32(), pa.float32()]
    size_bytes = (tmp_path / "series.parquet").stat().st_size
    assert written == SeriesFile(written.path, 3, {"f0": "Hz", "loudness": "LUFS"}, size_bytes)


def test_a_series_without_a_frame_is_a_file_with_columns_and_no_rows(tmp_path: Path) -> None:
    written = SeriesWriter(tmp_path / "series.parquet", {"f0": "Hz"}).finish()

    assert parquet.read_table(written.path).num_rows == written.frames == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"f0": [1.0]},
        {"f0": [1.0], "loudness": [1.0, 2.0]},
        {"f0": [np.inf], "loudness": [1.0]},
    ],
    ids=["missing", "too long", "infinite"],
)
def test_a_block_that_breaks_the_promise_is_refused(wrong: dict[str, list[float]], tmp_path: Path) -> None:
    writer = SeriesWriter(tmp_path / "series.parquet", {"f0": "Hz", "loudness": "LUFS"})

    with pytest.raises(ValueError, match=r"series|infinite"):
        _written(writer, block([0.0], **wrong))


def test_a_long_series_is_written_in_row_groups_in_flat_memory(tmp_path: Path) -> None:
    peaks = [_peak_bytes(tmp_path, row_groups) for row_groups in (2, 16)]

    assert peaks[1] < 1.2 * peaks[0]


def test_a_wide_series_has_few_row_groups_and_a_block_may_be_longer_than_one(tmp_path: Path) -> None:
    names = [f"band_{index}" for index in range(64)]
    frames = 40_000
    level_db = np.arange(frames, dtype=np.float32)
    writer = SeriesWriter(tmp_path / "wide.parquet", dict.fromkeys(names, "dB"))

    writer.add(SeriesBlock(np.arange(frames, dtype=np.float64), dict.fromkeys(names, level_db)))
    written = writer.finish()

    file = parquet.ParquetFile(written.path)
    assert [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)] == [16_384, 16_384, 7232]
    np.testing.assert_array_equal(file.read(["band_63"]).column(0).to_numpy(), level_db)


def test_the_series_of_an_analysis_hold_the_frames_of_its_aggregates(tmp_path: Path) -> None:
    silence = np.zeros(RATE_HZ, dtype=np.float32)
    samples = np.concatenate([harmonic_tone(220, duration_s=2), silence, noise(duration_s=2)])

    spectral = analysed(tmp_path, samples, "spectral").extractors[0]

    assert spectral.series is not None
    assert spectral.payload is not None
    table = parquet.read_table(spectral.series.path)
    for measure, unit in spectral.series.units.items():
        values = table.column(measure).drop_null().to_numpy()
        aggregate = aggregate_of(spectral.payload, measure)
        assert (len(values), unit) == (aggregate["frames"], aggregate["unit"])
        assert values.mean() == pytest.approx(aggregate["mean"], rel=1e-5)
        assert values.max() == aggregate["max"]
    times_s = table.column("time_s").to_numpy()
    assert times_s[0] == 1024 / RATE_HZ
    assert np.diff(times_s) == pytest.approx(512 / RATE_HZ)
    silent = (times_s > 2.05) & (times_s < 2.95)
    assert table.column("centroid").is_null().to_numpy()[silent].all()
    assert table.column("rms").to_numpy()[silent].max() == 0


def test_an_extractor_without_series_has_no_file(tmp_path: Path) -> None:
    [levels] = analysed(tmp_path, noise(duration_s=1), "loudness").extractors

    assert levels.series is None
    assert list(tmp_path.glob("*.parquet")) == []


def test_the_series_of_an_extractor_that_failed_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "broken", BrokenWithSeries())

    [broken] = analysed(tmp_path, noise(duration_s=3), "broken").extractors

    assert not broken.success
    assert broken.series is None
    assert list(tmp_path.glob("*.parquet")) == []


class BrokenWithSeries(Broken):
    """Offers a frame, then fails."""

    series_units = {"share": "ratio"}  # noqa: RUF012 - what an extractor promises

    def series(self) -> SeriesBlock:
        return block([float(self._blocks)], share=[0.5])


def block(times_s: list[float], **values: list[float]) -> SeriesBlock:
    return SeriesBlock(np.array(times_s), {name: np.array(each, dtype=np.float32) for name, each in values.items()})


def analysed(folder: Path, samples: Floats, *names: str) -> Analysis:
    recording = folder / "recording.wav"
    soundfile.write(recording, samples, RATE_HZ, subtype="FLOAT")
    return analyse(recording, Container.WAV, AudioLimits(), Plan(names, scratch=folder), lambda _: None)


def _written(writer: SeriesWriter, of: SeriesBlock) -> SeriesFile:
    writer.add(of)
    return writer.finish()


def _peak_bytes(folder: Path, row_groups: int) -> int:
    """Return the most that was held while that many row groups were written, Arrow's memory included."""
    random = np.random.default_rng(0)
    frames = 1 << 12
    pool = pa.default_memory_pool()
    held, most = pool.bytes_allocated(), 0
    tracemalloc.start()
    writer = SeriesWriter(folder / f"{row_groups}.parquet", {"f0": "Hz"})
    for number in range(row_groups * ROWS_PER_GROUP // frames):
        times_s = number + np.arange(frames) / frames
        writer.add(SeriesBlock(times_s, {"f0": random.random(frames, dtype=np.float32)}))
        most = max(most, pool.bytes_allocated() - held)
    written = writer.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parquet.ParquetFile(written.path).num_row_groups == row_groups
    return peak + most


def aggregate_of(payload: dict[str, Any], measure: str) -> dict[str, Any]:
    """Return the aggregate of a series; that of contrast_3 is the fourth item of each list of `contrast`."""
    if measure in payload:
        return dict(payload[measure])
    name, _, index = measure.rpartition("_")
    return {key: value[int(index)] if isinstance(value, list) else value for key, value in payload[name].items()}
