"""Learn a recording's format, and that it decodes, from as few of its bytes as possible."""

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from .decode import open_audio
from .format import AudioFormat, AudioLimits
from .sniff import sniff_source
from .source import BoundedEffort

_PROBED_FRAMES = 4096


def probe(source: Path | BinaryIO, limits: AudioLimits) -> AudioFormat:
    """Return the format of a recording whose first frames decode, and whose claims are within `limits`.

    The claimed length of MP3 without a Xing tag, of MP4 and of Matroska is the container's estimate.
    Raises any `AudioError` that fits; an error of the source itself is raised as it is.
    """
    with ExitStack() as resources:
        binary = resources.enter_context(source.open("rb")) if isinstance(source, Path) else source
        container = sniff_source(binary)
        bounded = BoundedEffort(binary, container, limits.probe_cpu_s)
        stream = resources.enter_context(open_audio(cast("BinaryIO", bounded), container, limits, avoid_scan=True))
        limits.check_claim(stream.format)
        next(stream.blocks(_PROBED_FRAMES))
        return stream.format
