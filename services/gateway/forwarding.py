"""Uploads pass through the gateway to ingest as they come; nothing is kept on the way."""

from collections.abc import Callable
from typing import Any

import httpx
import structlog
from litestar import Request
from pydantic import BaseModel

from chassis.bodies import Patience, RequestBody
from chassis.errors import OpenBreakerError, TransientError
from chassis.problems import ProblemError
from contracts.rendering import RenderParameters
from contracts.vocabulary import BATCH_HEADER, RENDERING_HEADER, TOKEN_HEADER, Lane

from .passing import passed_on

log = structlog.get_logger()

# What a form adds around the recording.
FORM_OVERHEAD_BYTES = 1_000_000
_DIGESTS = ("content-digest", "digest")


class IngestUnavailableError(TransientError):
    """Ingest does not answer."""

    code = "ingest_unavailable"


class IngestDoor:
    """The way to ingest."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        internal_token: str,
        max_upload_bytes: int,
        patience: Patience,
        check_storing: Callable[[], None],
    ) -> None:
        """Forward uploads unless `check_storing` raises: then ingest would only refuse them."""
        self._client = client
        self._internal_token = internal_token
        self._max_upload_bytes = max_upload_bytes
        self._patience = patience
        self._check_storing = check_storing

    async def forward(
        self,
        request: Request[Any, Any, Any],
        *,
        project_id: str,
        rendering: RenderParameters | None,
        lane: Lane,
        name: str | None,
        idempotency_key: str | None = None,
        batch_id: str | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Stream the request's body to ingest and return its status and answer; a refusal is raised as a problem."""
        body = RequestBody(request, self._patience)
        await self._refuse_while_nothing_can_be_stored(body)
        await self._refuse_too_large(request.headers.get("content-length", "0"), body)
        try:
            answer = await self._client.post(
                "/recordings",
                params={"lane": lane, **({"name": name} if name else {})},
                headers={
                    "Content-Type": _plain(request.headers.get("content-type", "application/octet-stream")),
                    TOKEN_HEADER: self._internal_token,
                    "X-Project": project_id,
                    **({RENDERING_HEADER: rendering.model_dump_json()} if rendering else {}),
                    **({BATCH_HEADER: batch_id} if batch_id else {}),
                    **({"Idempotency-Key": idempotency_key} if idempotency_key else {}),
                    **{each: _plain(request.headers[each]) for each in _DIGESTS if each in request.headers},
                },
                content=aiter(body),
            )
        except httpx.HTTPError as error:
            raise IngestUnavailableError(repr(error)) from error
        if answer.is_success:
            return answer.status_code, answer.json()
        await body.drain(self._max_upload_bytes)
        raise passed_on(answer, IngestUnavailableError)

    async def check_room(self) -> None:
        """Raise a problem, 507, where there is no room for new work; where ingest is away, nobody can tell."""
        try:
            await self.ask("GET", "/room")
        except IngestUnavailableError as error:
            log.info("room_unknown", reason=str(error) or repr(error))

    async def ask(self, method: str, path: str, wish: BaseModel | None = None, *, project_id: str = "") -> Any:  # noqa: ANN401 (JSON)
        """Ask for something else than an upload; return the answer, or raise the refusal as a problem."""
        headers = {TOKEN_HEADER: self._internal_token, "X-Project": project_id, "Content-Type": "application/json"}
        # What was not said is not the same as null.
        content = wish.model_dump_json(exclude_unset=True, by_alias=True) if wish is not None else None
        try:
            answer = await self._client.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise IngestUnavailableError(repr(error)) from error
        if not answer.is_success:
            raise passed_on(answer, IngestUnavailableError)
        return answer.json() if answer.content else {}

    async def _refuse_while_nothing_can_be_stored(self, body: RequestBody) -> None:
        try:
            self._check_storing()
        except OpenBreakerError:
            await body.drain(self._max_upload_bytes)
            raise

    async def _refuse_too_large(self, announced: str, body: RequestBody) -> None:
        if announced.isdecimal() and int(announced) > self._max_upload_bytes + FORM_OVERHEAD_BYTES:
            await body.drain(self._max_upload_bytes)
            raise ProblemError(
                413,
                "too_large",
                f"The recording is larger than the limit of {self._max_upload_bytes / 1e6:g} MB.",
                next_step="Send it as FLAC, or cut it into parts; operators can raise the limit.",
            )


def _plain(header: str) -> str:
    # A client may send any byte in a header; ours to send are ASCII.
    return header.encode("ascii", "backslashreplace").decode()
