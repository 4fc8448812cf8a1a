"""The errors of analysis.

chassis.errors.UnprocessableError
└── UnknownExtractorError     somebody asked for an extractor that is not registered
"""

from collections.abc import Sequence

from chassis.errors import UnprocessableError


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
