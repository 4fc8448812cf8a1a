"""Frame series as a Parquet file, written while the frames come."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from .extractors import SeriesBlock
from .results import SeriesFile

TIME_COLUMN = "time_s"

# At 86 frames per second 12.7 minutes; eight columns of them are 2 MiB, and more columns have fewer rows.
ROWS_PER_GROUP = 1 << 16
_VALUES_PER_GROUP = 1 << 19


class SeriesWriter:
    """One extractor's series: a column `time_s` and one per series, a row per frame, null where there is no value.

    At most one row group is held. The unit of each column is in its field's metadata.
    """

    def __init__(self, path: Path, units: Mapping[str, str]) -> None:
        """Begin the file."""
        self._path = path
        self._units = dict(units)
        self._schema = pa.schema([_field(TIME_COLUMN, pa.float64(), "s"), *_fields(self._units)])
        # Without a dictionary, and with each float's bytes apart, zstd finds what neighbours share.
        self._writer = parquet.ParquetWriter(
            path, self._schema, compression="zstd", use_dictionary=False, use_byte_stream_split=True
        )
        self._rows_per_group = min(ROWS_PER_GROUP, max(1, _VALUES_PER_GROUP // max(1, len(units))))
        self._waiting: list[SeriesBlock] = []
        self._waiting_frames = 0
        self._frames = 0

    def add(self, block: SeriesBlock) -> None:
        """Take the next frames. Raises `ValueError` where columns are missing or differ in length."""
        lengths = {name: len(block.values[name]) for name in self._units if name in block.values}
        if lengths != dict.fromkeys(self._units, len(block.times_s)):
            promised = f"{sorted(self._units)} of {len(block.times_s)} frames"
            raise ValueError(f"of the series {promised} came {lengths}")
        self._waiting.append(block)
        self._waiting_frames += len(block.times_s)
        if self._waiting_frames >= self._rows_per_group:
            self._flush()

    def finish(self) -> SeriesFile:
        """Write what is left and return what the file holds."""
        self._flush()
        self._writer.close()
        return SeriesFile(str(self._path), self._frames, self._units, self._path.stat().st_size)

    def abandon(self) -> None:
        """Remove the file of a series that came to nothing."""
        self._waiting = []
        self._writer.close()
        self._path.unlink()

    def _flush(self) -> None:
        if not self._waiting_frames:
            return
        times = np.concatenate([block.times_s for block in self._waiting], dtype=np.float64)
        columns = [pa.array(times), *(self._column(name) for name in self._units)]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._frames += len(times)
        self._waiting, self._waiting_frames = [], 0

    def _column(self, name: str) -> pa.Array:
        values = np.concatenate([block.values[name] for block in self._waiting], dtype=np.float32)
        if np.isinf(values).any():
            raise ValueError(f"a frame of {name} is infinite")
        return pa.array(values, mask=np.isnan(values))


def _fields(units: Mapping[str, str]) -> list[pa.Field]:
    return [_field(name, pa.float32(), unit) for name, unit in units.items()]


def _field(name: str, kind: pa.DataType, unit: str) -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit})
