"""What is asked of the gateway, apart from how it is sent: requests, and how their answers are read."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from .errors import NotReadyError, RefusedError
from .files import FileSlice

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)

# What a conversation asks for at once, and is given the answers of in the same order.
Step = Sequence["Operation[Any]"]
Conversation = Generator[Step, list[Any], T]


@dataclass(frozen=True)
class Operation(Generic[T]):
    """One request of the public interface.

    path           below the gateway's URL; a whole URL goes there, and never gets the key
    read           makes the result of an answer of success, and of those in `understood`
    is_repeatable  whether it does no harm twice, where a broken connection leaves open whether it came through
    is_result      202 says that the result is not there yet
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: FileSlice | None = None
    understood: tuple[int, ...] = ()
    is_repeatable: bool = True
    is_result: bool = False

    def request(self, url: str, api_key: str) -> httpx.Request:
        """Return the request to send."""
        is_ours = self.path.startswith("/")
        headers = {**self.headers, **({"Authorization": f"Bearer {api_key}"} if is_ours else {})}
        target = f"{url}{self.path}" if is_ours else self.path
        if self.body is not None:
            headers["Content-Length"] = str(self.body.size_bytes)
            # httpx sets none where it is given a stream.
            headers["Host"] = httpx.URL(target).netloc.decode()
        # None: httpx would take the signature out of a presigned address.
        query = {name: value for name, value in self.query.items() if value is not None} or None
        return httpx.Request(self.method, target, params=query, json=self.json, headers=headers, stream=self.body)

    def answer(self, response: httpx.Response) -> T:
        """Return the result; raises `RefusedError` and `NotReadyError`."""
        if response.status_code not in self.understood:
            check(response)
        if self.is_result and response.status_code == HTTPStatus.ACCEPTED:
            raise NotReadyError(response.json().get("status", "queued"))
        return self.read(response)


def path_of(*parts: str) -> str:
    """Return the path of these parts, whatever stands in them."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def check(response: httpx.Response) -> None:
    """Raise `RefusedError` unless the answer is one of success."""
    if response.is_success:
        return
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    problem = response.json() if is_problem else {}
    raise RefusedError(
        response.status_code,
        problem.get("code", f"http_{response.status_code}"),
        problem.get("detail", f"{response.url.host} answered {response.status_code} {response.reason_phrase}."),
        problem.get("next_step"),
        problem.get("trace_id"),
    )


def as_model(model: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    """Return what reads an answer as `model`."""
    return lambda response: model.model_validate_json(response.content)


def as_json(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer as it is."""
    found: dict[str, Any] = response.json()
    return found


def as_bytes(response: httpx.Response) -> bytes:
    """Return the body of an answer."""
    return response.content


def as_nothing(response: httpx.Response) -> None:
    """Take nothing from an answer."""
