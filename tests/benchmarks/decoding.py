"""Decode every kind of recording; print the table and write it into docs/decoding.md.

    python -m tests.benchmarks.decoding

Times real time are audio seconds per second of CPU, the best of five, over a minute of a real recording in stereo.
All other columns are the same on every machine, and a test holds the page to them.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from audio.decode import AudioLimits, AudioStream, open_audio
from audio.format import reads_in_order
from audio.sndfile import SndfileReader
from tests.audio import REPOSITORY, recordings_folder
from tests.benchmarks.lengthened import SOURCE
from tests.formats import KINDS, RATE_HZ, Kind
from tests.muxing import Signal

PAGE = REPOSITORY / "docs" / "decoding.md"
MARK = "<!-- formats -->\n"
HEAD = ("recording", "container, codec", "by", "length", "seeks to", "streamed", "times real time")
_SPEED_S = 60
_ROUNDS = 5
# 4 seconds, and no multiple of any packet.
_FRAMES = 4 * RATE_HZ + 101
_PLACES = (1, 1000, 5767, 65_536, 100_001, _FRAMES - 9000)
_COMPARED_FRAMES = 4000
# By the largest difference of a sample: rounding, another noise, another place.
_SEEKS = {"the sample": 1e-6, "the time": 0.01, "another place": float("inf")}


@dataclass(frozen=True, slots=True)
class Facts:
    """What decoding one kind of recording gives, on any machine.

    length   frames more or fewer than were written
    seeks    the sample, or where a decoder makes up noise, the time
    """

    coded: str
    library: str
    length: str
    seeks: str
    streamed: str

    def cells(self) -> list[str]:
        return [self.coded, self.library, self.length, self.seeks, self.streamed]


def facts(kind: Kind, folder: Path) -> Facts:
    """Write a chirp in this way, and look at what comes back."""
    recording = kind.write(folder / "chirp", _chirp(), RATE_HZ)
    with _opened(kind, recording) as stream:
        whole = _samples(stream)
        library = "libsndfile" if isinstance(stream._reader, SndfileReader) else "FFmpeg"
        coded = f"{stream.format.container}, {stream.format.codec}"
        errors = [_seek_error(stream, whole, place) for place in _PLACES]
    extra = len(whole) - _FRAMES
    return Facts(
        coded=coded,
        library=library,
        length="exact" if extra == 0 else f"{extra:+d} frames",
        seeks=next(name for name, error in _SEEKS.items() if max(errors) <= error),
        streamed="yes" if reads_in_order(stream.format.container) else "no",
    )


def times_real_time(kind: Kind, folder: Path) -> float:
    """Return the audio seconds that are decoded in a second of CPU."""
    samples, rate_hz = soundfile.read(recordings_folder() / SOURCE, dtype="float32", always_2d=True)
    mono = np.resize(samples, _SPEED_S * rate_hz)
    # The same recording a second later: equal channels would be coded as one.
    minute = np.stack([mono, np.roll(mono, rate_hz)], axis=1)
    recording = kind.write(folder / "minute", minute, rate_hz)
    spent_s = []
    for _ in range(_ROUNDS):
        with _opened(kind, recording) as stream:
            started = time.process_time()
            for _ in stream.blocks():
                pass
            spent_s.append(time.process_time() - started)
    return _SPEED_S / min(spent_s)


def table() -> Iterator[list[str]]:
    for name, kind in KINDS.items():
        with tempfile.TemporaryDirectory(prefix="dawnchorus-") as folder:
            speed = times_real_time(kind, Path(folder))
            yield [name, *facts(kind, Path(folder)).cells(), f"{float(f'{speed:.2g}'):,.0f}"]


def main() -> None:
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    for row in table():
        lines.append(_line(row))
        sys.stdout.write(f"{lines[-1]}\n")
    before, _, behind = PAGE.read_text().partition(MARK)
    _, _, after = behind.partition("\n\n")
    PAGE.write_text("\n".join([f"{before}{MARK}{lines[0]}", *lines[1:], "", after]).rstrip("\n") + "\n")


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _opened(kind: Kind, recording: Path) -> AudioStream:
    return open_audio(recording, kind.container, AudioLimits())


def _samples(stream: AudioStream) -> Signal:
    return np.concatenate(list(stream.blocks()), dtype=np.float32) * np.float32(stream.scale)


def _seek_error(stream: AudioStream, whole: Signal, place: int) -> float:
    """Return how far samples from `place` on are from those of a whole decoding; infinite when others came."""
    if stream.seek(place) != place:
        return float("inf")
    found = next(stream.blocks(_COMPARED_FRAMES)) * np.float32(stream.scale)
    return float(np.abs(found - whole[place : place + len(found)]).max())


def _chirp() -> Signal:
    time_s = np.arange(_FRAMES) / RATE_HZ
    sweep = 0.5 * np.sin(2 * np.pi * (200 + 400 * time_s) * time_s)
    return np.repeat(sweep[:, None], 2, axis=1).astype(np.float32)


if __name__ == "__main__":
    main()
