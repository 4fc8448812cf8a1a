"""Real recordings, repeated until they are long enough, in any codec."""

import sys
from pathlib import Path

import numpy as np
import soundfile

from tests.audio import encode, recordings_folder

# 44.1 kHz, mono: a bird with pauses, which compresses as field recordings do.
SOURCE = "spinetail.wav"
# libsndfile's Vorbis encoder puts a whole write on the stack.
_CHUNK = 2**16


def lengthened(target: Path, duration_s: int, rate_hz: int) -> None:
    """Write the source, repeated to `duration_s`, to `target`; at another rate it is as much deeper."""
    samples, _ = soundfile.read(recordings_folder() / SOURCE, dtype="int16")
    frames = duration_s * rate_hz
    if target.suffix in {".m4a", ".mp3", ".opus"}:
        whole = (np.resize(samples, frames) / 32768).astype(np.float32)
        encode(target, whole[:, None], rate_hz)
        return
    with soundfile.SoundFile(target, "w", rate_hz, 1) as output:
        unrolled = np.resize(samples, len(samples) + _CHUNK)
        for start in range(0, frames, _CHUNK):
            place = start % len(samples)
            output.write(unrolled[place : place + min(_CHUNK, frames - start)])


if __name__ == "__main__":
    lengthened(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
