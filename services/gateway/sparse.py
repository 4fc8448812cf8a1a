"""How the list is described: with `fields`, its lines have no more than was asked for."""

from typing import Any

from litestar.openapi import ResponseSpec
from pydantic import create_model

from .views import RecordingSummary

_OPTIONAL: dict[str, Any] = {
    name: (field.annotation, None) for name, field in RecordingSummary.model_fields.items() if name != "id"
}
_LINE = create_model(
    "ListedRecording",
    __doc__="One line of the list; with `fields`, its `id` and those that were named.",
    id=(str, ...),
    **_OPTIONAL,
)
_PAGE = create_model(
    "RecordingPage",
    __doc__="A page of the list, newest first unless it was asked for otherwise.",
    items=(list[_LINE], ...),
    next_cursor=(str | None, ...),
)

LISTED = {200: ResponseSpec(_PAGE, generate_examples=False, description="A page of the list.")}
