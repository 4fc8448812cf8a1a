"""Frame series as a Parquet file, written while the frames come."""

import os
from collections.abc import Mapping
from pathlib import Path

# Arrow's own allocator reserves addresses by the GiB, which count against a child's limit; read at the first import.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from .extractors import SeriesBlock
from .results import SeriesFile
from .shared import Floats

TIME_COLUMN = "time_s"

# At 86 frames per second 12.7 minutes; eight columns of them are 2 MiB, and more columns have fewer rows. But the
# writer holds 1.6 kB of each column of each group until the end: a day of 64 columns shall not have too many.
ROWS_PER_GROUP = 1 << 16
_ROWS_PER_GROUP_MIN = 1 << 14
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
        rows = min(ROWS_PER_GROUP, max(_ROWS_PER_GROUP_MIN, _VALUES_PER_GROUP // max(1, len(units))))
        self._times_s = np.empty(rows)
        self._columns = np.empty((len(units), rows), dtype=np.float32)
        self._filled = 0
        self._frames = 0

    def add(self, block: SeriesBlock) -> None:
        """Take the next frames. Raises `ValueError` where columns are missing or differ in length."""
        lengths = {name: len(block.values[name]) for name in self._units if name in block.values}
        if lengths != dict.fromkeys(self._units, len(block.times_s)):
            promised = f"{sorted(self._units)} of {len(block.times_s)} frames"
            raise ValueError(f"of the series {promised} came {lengths}")
        taken = 0
        while taken < len(block.times_s):
            taken += self._take(block, taken)

    def finish(self) -> SeriesFile:
        """Write what is left and return what the file holds."""
        self._flush()
        self._writer.close()
        return SeriesFile(str(self._path), self._frames, self._units, self._path.stat().st_size)

    def abandon(self) -> None:
        """Remove the file of a series that came to nothing."""
        self._writer.close()
        self._path.unlink()

    def _take(self, block: SeriesBlock, start: int) -> int:
        """Fill the row group with the block's frames from `start` on; return for how many there was room."""
        room = len(self._times_s) - self._filled
        part = slice(start, min(start + room, len(block.times_s)))
        count = part.stop - part.start
        place = slice(self._filled, self._filled + count)
        self._times_s[place] = block.times_s[part]
        for column, name in zip(self._columns, self._units, strict=True):
            column[place] = block.values[name][part]
        self._filled += count
        if count == room:
            self._flush()
        return count

    def _flush(self) -> None:
        if not self._filled:
            return
        named = zip(self._columns[:, : self._filled], self._units, strict=True)
        columns = [pa.array(self._times_s[: self._filled]), *(_nullable(column, name) for column, name in named)]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._frames += self._filled
        self._filled = 0


def _nullable(values: Floats, name: str) -> pa.Array:
    if np.isinf(values).any():
        raise ValueError(f"a frame of {name} is infinite")
    return pa.array(values, mask=np.isnan(values))


def _fields(units: Mapping[str, str]) -> list[pa.Field]:
    return [_field(name, pa.float32(), unit) for name, unit in units.items()]


def _field(name: str, kind: pa.DataType, unit: str) -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit})
