"""What the OpenAPI document says beside the routes' own words: examples, and every problem that may be answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.routes import BaseRoute, HTTPRoute
from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import PROBLEM_JSON, TYPE_BASE

from .views import TaskView

EXAMPLES = Path(__file__).parent / "examples"
JSON = "application/json"
BINARY = "application/octet-stream"

_MEANINGS = {
    400: ("bad_request", "A parameter or the body is wrong; `errors` says which."),
    401: ("not_authenticated", "No API key or token, or one that is not good."),
    403: ("forbidden", "Your role in the project, or your key's scopes, do not include this."),
    404: ("not_found", "There is no such thing here, or it is somebody else's."),
    408: ("too_slow", "The body came too slowly."),
    409: ("not_decodable", "Its state forbids it; `code` says why."),
    413: ("too_large", "The body is larger than the limit."),
    415: ("unsupported", "The body is nothing that is taken here."),
    416: ("no_such_range", "The part that `Range` asks for is not there."),
    422: ("empty", "The content cannot be worked with; `code` says why."),
    429: ("rate_limited", "Too many requests of this kind; `Retry-After` says when to come back."),
    507: ("storage_full", "There is no room for new work; `Retry-After` says when to look again."),
    503: ("database_unavailable", "A server that is needed does not answer; `Retry-After` says when to try again."),
}
# Whoever asks for whatever may hear of these.
_ALWAYS = (400, 401, 403, 429, 503)


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = Field(description="What happened, for people.")
    instance: str
    code: str = Field(description="Stable, for programs.")
    trace_id: str = Field(description="By which operators find the request.")
    next_step: str | None = Field(None, description="What you can do.")


# Answers beside the first one, for `responses=` of a route.
LATER = {202: ResponseSpec(TaskView, generate_examples=False, description="Not there yet: where its work stands.")}
UNCHANGED = {304: ResponseSpec(None, description="As `If-None-Match` has it.")}


def part_of(media_type: str) -> dict[int, ResponseSpec]:
    """Return how a part of what a route answers with is described, for `responses=`."""
    part = "The part that `Range` asks for."
    return {206: ResponseSpec(bytes, generate_examples=False, media_type=media_type, description=part)}


@dataclass
class ExemplifiedOperation(Operation):
    """An operation with its examples, out of the folder `examples`; their lists are cut to two items."""

    def __post_init__(self) -> None:
        """Attach the examples that there are; in short the operation does what its description says first."""
        if self.description:
            self.summary = self.description.partition("\n")[0]
        asked = self.request_body.content if isinstance(self.request_body, RequestBody) else None
        _exemplify(asked, EXAMPLES / f"{self.operation_id}.request.json")
        answers = (answer for status, answer in (self.responses or {}).items() if status.startswith("2"))
        first = next(answers, None)
        answered = first.content if isinstance(first, OpenAPIResponse) else None
        _exemplify(answered, EXAMPLES / f"{self.operation_id}.json")


@dataclass
class BinaryToo(ExemplifiedOperation):
    """An operation that answers in a binary form, too, where that is asked for."""

    def __post_init__(self) -> None:
        """Add that form to the first answer."""
        super().__post_init__()
        answered = (self.responses or {})["200"]
        if isinstance(answered, OpenAPIResponse) and answered.content is not None:
            binary = Schema(type="string", format="binary")  # type: ignore[arg-type]  # litestar wants its enum, takes both
            answered.content[BINARY] = OpenAPIMediaType(schema=binary)


def describe(routes: Iterable[BaseRoute], prefix: str) -> None:
    """Give each route below `prefix` its examples, and its problems: the common ones, and those of its `problems=`."""
    for route in routes:
        if isinstance(route, HTTPRoute) and route.path.startswith(prefix):
            for handler in route.route_handlers:
                handler.responses = {**(handler.responses or {}), **_problems(handler, route)}
                if handler.operation_class is Operation:
                    handler.operation_class = ExemplifiedOperation


def _exemplify(content: dict[str, OpenAPIMediaType] | None, path: Path) -> None:
    if content is not None and JSON in content and path.exists():
        # Raw, because Litestar leaves what is null out of its document.
        content[JSON].examples = {"one": Example(value=msgspec.Raw(path.read_bytes()))}


def _problems(handler: HTTPRouteHandler, route: HTTPRoute) -> Mapping[int, ResponseSpec]:
    named: tuple[int, ...] = handler.opt.get("problems", ())
    missing = (404,) if route.path_parameters else ()
    heavy = (408, 413) if "data" in handler.parsed_fn_signature.parameters else ()
    return {status: _spec(status) for status in sorted({*_ALWAYS, *missing, *heavy, *named})}


def _spec(status: int) -> ResponseSpec:
    code, meaning = _MEANINGS[status]
    return ResponseSpec(
        Problem,
        generate_examples=False,
        description=meaning,
        media_type=PROBLEM_JSON,
        examples=[Example(summary=code, value=_example(status, code, meaning))],
    )


def _example(status: int, code: str, meaning: str) -> dict[str, Any]:
    return {
        "type": f"{TYPE_BASE}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": meaning,
        "instance": "/v1/recordings",
        "code": code,
        "trace_id": "3e5e0a96f1f5a6f3c2b1a09876543210",
    }
