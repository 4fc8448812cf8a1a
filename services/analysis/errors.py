"""The errors of analysis.

chassis.errors.DawnchorusError
├── DuplicateExtractorError                  two extractors have one name: the service does not start
├── MissingPackageError                      an operator wants an extractor without what it needs: no start either
├── UnusableExtractorError                   an entry point gives no extractor: the service does not start
├── NoGpuError                               no GPU can be used: spectra are computed on the CPU
├── DeviceFailedError                        a GPU gave up: the rest is computed on the CPU
└── UnprocessableError
    ├── UnknownExtractorError                somebody asked for an extractor that is not registered
    └── InvalidExtractorParametersError      somebody asked for parameters that it does not take
"""

from collections.abc import Sequence

from chassis.errors import DawnchorusError, UnprocessableError


class DuplicateExtractorError(DawnchorusError):
    """Two packages bring an extractor of one name."""

    code = "duplicate_extractor"
    next_step = "Uninstall one of the two packages."

    def __init__(self, name: str, first: str, second: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(name, first, second)

    def __str__(self) -> str:
        name, first, second = self.args
        return f"There are two extractors named {name!r}, of {first} and of {second}."


class UnusableExtractorError(DawnchorusError):
    """An installed package promises an extractor that cannot be used."""

    code = "unusable_extractor"
    next_step = "Mend or uninstall the package that has this entry point."

    def __init__(self, entry_point: str, reason: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(entry_point, reason)

    def __str__(self) -> str:
        entry_point, reason = self.args
        return f"The entry point {entry_point} gives no extractor: {reason}."


class NoGpuError(DawnchorusError):
    """There is no GPU, or it cannot be used."""

    def __init__(self, reason: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(reason)

    def __str__(self) -> str:
        return f"No GPU can be used: {self.args[0]}."


class DeviceFailedError(DawnchorusError):
    """A device cannot go on with this recording."""

    def __init__(self, device: str, reason: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(device, reason)

    def __str__(self) -> str:
        device, reason = self.args
        return f"The device {device} gave up: {reason}."


class MissingPackageError(DawnchorusError):
    """An extractor that the operator wants needs a package that is not installed."""

    code = "missing_package"
    next_step = "Install the requirements that the sentence names, or take the extractor out of the settings."

    def __init__(self, extractor: str, package: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(extractor, package)

    def __str__(self) -> str:
        extractor, package = self.args
        requirements = f"requirements/{extractor.replace('_', '-')}.txt"
        return (
            f"The extractor {extractor!r} needs the package {package!r}, which is not installed. "
            f"Install {requirements}, or take the extractor out of the settings."
        )


class UnknownExtractorError(UnprocessableError):
    """No extractor has this name."""

    code = "unknown_extractor"
    next_step = "Ask for one of the extractors that the sentence names."

    def __init__(self, name: str, known: Sequence[str]) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(name, tuple(known))

    def __str__(self) -> str:
        name, known = self.args
        return f"There is no extractor named {name!r}; there are {', '.join(known)}."


class InvalidExtractorParametersError(UnprocessableError):
    """The extractor does not take these parameters."""

    code = "invalid_extractor_parameters"
    next_step = "Ask within the schema that GET /v1/extractors shows."

    def __init__(self, name: str, faults: str) -> None:
        """Keep the facts, so that the error survives pickling."""
        super().__init__(name, faults)

    def __str__(self) -> str:
        name, faults = self.args
        return f"The extractor {name} does not take these parameters: {faults}."
