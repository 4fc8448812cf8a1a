"""Other implementations of the same measures, to compare with."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from numpy.typing import NDArray

_LAYOUTS = {1: "mono", 2: "stereo", 5: "5.0", 6: "5.1"}


def ffmpeg_ebur128(channels: NDArray[np.float32], rate_hz: int) -> list[dict[str, float]]:
    """Return what ffmpeg's filter `ebur128` says after every 100 ms: I, M, S, LRA, true_peak and more."""
    layout = _LAYOUTS[channels.shape[1]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="flt", layout=layout, time_base=Fraction(1, rate_hz))
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels.reshape(1, -1)), format="flt", layout=layout)
    frame.sample_rate, frame.pts = rate_hz, 0
    graph.push(frame)
    graph.push(None)
    # What is left at the end, shorter than 100 ms, comes without a measurement.
    return [_numbers(metadata) for metadata in _pulled(graph) if metadata]


def _pulled(graph: av.filter.Graph) -> list[dict[str, str]]:
    found = []
    while True:
        try:
            found.append(dict(graph.pull().metadata))
        except (av.error.EOFError, av.error.BlockingIOError):
            return found


def _numbers(metadata: dict[str, str]) -> dict[str, float]:
    return {key.removeprefix("lavfi.r128."): float(value) for key, value in metadata.items()}


def silero_speech_timestamps(
    probabilities: list[float],
    length: int,
    *,
    enter: float,
    leave: float,
    speech_min: float,
    silence_min: float,
    pad: float,
) -> list[tuple[int, int]]:
    """Return the segments of `silero_vad.get_speech_timestamps_from_probs` 6.2.3 (MIT), all lengths in samples.

    The same steps over the same list, without what it does for a longest duration of speech.
    """
    found: list[list[int]] = []
    start = quiet_from = None
    for index, probability in enumerate(probabilities):
        now = 512 * index
        if probability >= enter:
            quiet_from = None
            start = now if start is None else start
        elif probability < leave and start is not None:
            quiet_from = now if quiet_from is None else quiet_from
            if now - quiet_from >= silence_min:
                if quiet_from - start > speech_min:
                    found.append([start, quiet_from])
                start = quiet_from = None
    if start is not None and length - start > speech_min:
        found.append([start, length])
    return _padded(found, length, pad)


def _padded(found: list[list[int]], length: int, pad: float) -> list[tuple[int, int]]:
    if found:
        found[0][0] = int(max(0, found[0][0] - pad))
    for segment, following in pairwise(found):
        silence = following[0] - segment[1]
        if silence < 2 * pad:
            segment[1] += int(silence // 2)
            following[0] = int(max(0, following[0] - silence // 2))
        else:
            segment[1] = int(min(length, segment[1] + pad))
            following[0] = int(max(0, following[0] - pad))
    if found:
        found[-1][1] = int(min(length, found[-1][1] + pad))
    return [(start, end) for start, end in found]
