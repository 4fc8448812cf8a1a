"""Operations on dead letters: messages that no service could work on."""

from typing import Any

from .models import DeadLetter, DeadLetterPage, Replayed
from .operations import Operation, as_model, as_nothing, path_of


def dead_letters(cursor: str | None = None, **filters: Any) -> Operation[DeadLetterPage]:  # noqa: ANN401 (query values)
    """Ask for a page of dead letters; `filters`: service, project, event_type, recording, status, limit."""
    return Operation("GET", path_of("dead-letters"), as_model(DeadLetterPage), {**filters, "cursor": cursor})


def dead_letter(letter_id: str) -> Operation[DeadLetter]:
    """Ask for one of them, with headers and body."""
    return Operation("GET", path_of("dead-letters", letter_id), as_model(DeadLetter))


def replay_dead_letter(letter_id: str) -> Operation[DeadLetter]:
    """Send one to its service again."""
    path = path_of("dead-letters", letter_id, "replay")
    return Operation("POST", path, as_model(DeadLetter), is_repeatable=False)


def replay_dead_letters(*, dry_run: bool, **filters: Any) -> Operation[Replayed]:  # noqa: ANN401 (values of the body)
    """Send all of them again that match, or count them."""
    wish = {"dry_run": dry_run, **{name: value for name, value in filters.items() if value is not None}}
    return Operation("POST", path_of("dead-letters", "replay"), as_model(Replayed), json=wish, is_repeatable=False)


def discard_dead_letter(letter_id: str) -> Operation[None]:
    """Say that one is of no use."""
    return Operation("DELETE", path_of("dead-letters", letter_id), as_nothing)
