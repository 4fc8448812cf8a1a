"""The registry: every extractor there is, by name; ours from a table, others by the entry points of their packages."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from services.analysis.errors import MissingPackageError, UnknownExtractorError

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
from .pitch import Pitch
from .pitch_swift_f0 import PitchSwiftF0
from .plugins import by_name, installed_entry_points
from .protocol import Accumulator, AttachmentSource, Device, Extractor, OptIn, SeriesBlock, SeriesSource
from .quality import Quality
from .settable import configured
from .species import Species
from .spectral import Spectral
from .tempo import Tempo
from .tonnetz import Tonnetz
from .voice_activity import VoiceActivity

__all__ = [
    "EXTRACTORS",
    "OPT_IN",
    "Accumulator",
    "AttachmentSource",
    "Device",
    "Extractor",
    "OptIn",
    "SeriesBlock",
    "SeriesSource",
    "check_packages",
    "extractors_named",
    "offered",
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
    Species(),
    VoiceActivity(),
    PitchSwiftF0(),
)

_ALL = by_name(_REGISTERED, installed_entry_points())
EXTRACTORS: dict[str, Extractor] = {name: each for name, each in _ALL.items() if not isinstance(each, OptIn)}
OPT_IN: dict[str, Extractor] = {name: each for name, each in _ALL.items() if isinstance(each, OptIn)}


def offered(opted_in: Iterable[str]) -> dict[str, Extractor]:
    """Return every extractor that is always on, and of the others those that the operator names.

    Raises `UnknownExtractorError`.
    """
    return EXTRACTORS | {each.name: each for each in extractors_named(tuple(opted_in))}


def check_packages(extractors: Iterable[Extractor]) -> None:
    """Raise `MissingPackageError` where an extractor needs a package that is not installed."""
    for extractor in extractors:
        for package in extractor.packages if isinstance(extractor, OptIn) else ():
            try:
                version(package)
            except PackageNotFoundError as error:
                raise MissingPackageError(extractor.name, package) from error


def extractors_named(
    names: Sequence[str],
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    among: Mapping[str, Extractor] | None = None,
) -> tuple[Extractor, ...]:
    """Return extractors in the order asked for, each once, with `parameters` of those that are named there.

    Without `among` it is any that there is, also those that nobody has opted for.

    Raises `UnknownExtractorError`, and `InvalidExtractorParametersError`.
    """
    known = EXTRACTORS | OPT_IN if among is None else among
    asked = parameters or {}
    for name in (*names, *asked):
        if name not in known:
            raise UnknownExtractorError(name, tuple(known))
    return tuple(configured(known[name], asked.get(name, {})) for name in dict.fromkeys(names))
