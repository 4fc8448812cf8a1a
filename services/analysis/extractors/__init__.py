"""The registry: every extractor there is, by name; ours from a table, others by the entry points of their packages."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.analysis.errors import ExtractorNotInstalledError, UnknownExtractorError

from .chroma import Chroma
from .ecoacoustic import Ecoacoustic
from .embedding import Embedding
from .fingerprint import FingerprintFamily
from .key import KeyFinder
from .levels import Levels
from .loudness import LoudnessFamily
from .mel import Mel
from .mfcc import Mfcc
from .onsets import Onsets
from .opt_in import OPT_IN
from .pitch import Pitch
from .plugins import by_name, installed_entry_points
from .protocol import Accumulator, AttachmentSource, Device, Extractor, SeriesBlock, SeriesSource
from .quality import Quality
from .settable import configured
from .spectral import Spectral
from .tempo import Tempo
from .tonnetz import Tonnetz

__all__ = [
    "EXTRACTORS",
    "Accumulator",
    "AttachmentSource",
    "Device",
    "Extractor",
    "SeriesBlock",
    "SeriesSource",
    "extractors_named",
]

_REGISTERED: tuple[Extractor, ...] = (
    LoudnessFamily(),
    Spectral(),
    Mel(),
    Mfcc(),
    Chroma(),
    Tonnetz(),
    KeyFinder(),
    Tempo(),
    Onsets(),
    Pitch(),
    Quality(),
    Levels(),
    Ecoacoustic(),
    Embedding(),
    FingerprintFamily(),
)

EXTRACTORS: dict[str, Extractor] = by_name(
    (*_REGISTERED, *(option.extractor for option in OPT_IN if option.installed)), installed_entry_points()
)

_MISSING_EXTRAS = {option.extractor.name: option.extra for option in OPT_IN if not option.installed}


def extractors_named(
    names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Extractor, ...]:
    """Return extractors in the order asked for, each once, with `parameters` of those that are named there.

    Raises `UnknownExtractorError`, `ExtractorNotInstalledError`, and `InvalidExtractorParametersError`.
    """
    asked = parameters or {}
    for name in (*names, *asked):
        if name in _MISSING_EXTRAS:
            raise ExtractorNotInstalledError(name, _MISSING_EXTRAS[name])
        if name not in EXTRACTORS:
            raise UnknownExtractorError(name, tuple(EXTRACTORS))
    return tuple(configured(EXTRACTORS[name], asked.get(name, {})) for name in dict.fromkeys(names))
