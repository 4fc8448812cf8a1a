"""Other implementations of the same measures, to compare with."""

from fractions import Fraction

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
