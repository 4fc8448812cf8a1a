"""Errors over HTTP: RFC 9457 problem details with a stable code and the trace id."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, NotAuthorizedException
from litestar.types import ExceptionHandlersMap

from .documents import PyMongoError
from .errors import DawnchorusError, OpenBreakerError, StorageFullError, TransientError
from .tracing import trace_id

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
TYPE_BASE = "urn:dawnchorus:problem:"
RETRY_AFTER_S = 5
# Room is made by people.
ROOM_AFTER_S = 300

_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported",
    422: "invalid",
    429: "too_many_requests",
}


class ProblemError(Exception):
    """An answer that is a problem: facts for the client, none of our insides."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        next_step: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,  # noqa: ANN401 (extension members of RFC 9457)
    ) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.next_step = next_step
        self.headers = headers or {}
        self.extra = extra


def problem(error: ProblemError, instance: str) -> Response[dict[str, Any]]:
    """Return the problem document of `error`."""
    body = {
        "type": f"{TYPE_BASE}{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "trace_id": trace_id(),
        **({"next_step": error.next_step} if error.next_step else {}),
        **error.extra,
    }
    return Response(body, status_code=error.status, media_type=PROBLEM_JSON, headers=dict(error.headers))


def exception_handlers(statuses: Mapping[str, int]) -> ExceptionHandlersMap:
    """Return Litestar's handlers; `statuses` says which of our codes is which HTTP status (422 where it is silent)."""

    def ours(request: Request[Any, Any, Any], error: DawnchorusError) -> Response[dict[str, Any]]:
        if isinstance(error, StorageFullError):
            log.warning("storage_full", reason=str(error))
            return problem(full(error), request.url.path)
        if isinstance(error, TransientError):
            log.warning("request_failed_for_now", code=error.code, reason=str(error))
            retry_after_s = error.retry_after_s if isinstance(error, OpenBreakerError) else RETRY_AFTER_S
            return problem(unavailable(error.code, retry_after_s), request.url.path)
        status = statuses.get(error.code, 422)
        return problem(ProblemError(status, error.code, str(error), next_step=error.next_step), request.url.path)

    return {
        ProblemError: lambda request, error: problem(error, request.url.path),
        DawnchorusError: ours,
        PyMongoError: _of_database,
        HTTPException: _of_litestar,
        Exception: _unexpected,
    }


def full(error: StorageFullError) -> ProblemError:
    """Return the problem of work that there is no room for."""
    headers = {"Retry-After": str(ROOM_AFTER_S)}
    return ProblemError(507, error.code, str(error), next_step=error.next_step, headers=headers)


def unavailable(code: str, retry_after_s: int = RETRY_AFTER_S) -> ProblemError:
    """Return the problem of a server behind us that does not answer."""
    return for_now(code, "A server this request needs does not answer at the moment.", retry_after_s=retry_after_s)


def for_now(
    code: str,
    detail: str,
    *,
    next_step: str = "Send the request again after the time in Retry-After.",
    retry_after_s: int = RETRY_AFTER_S,
    **extra: Any,  # noqa: ANN401 (extension members of RFC 9457)
) -> ProblemError:
    """Return the problem, 503, of what is not to be had now and may be in `retry_after_s`."""
    headers = {"Retry-After": str(retry_after_s)}
    return ProblemError(503, code, detail, next_step=next_step, headers=headers, **extra)


def _of_database(request: Request[Any, Any, Any], error: PyMongoError) -> Response[dict[str, Any]]:
    log.warning("database_failed", reason=str(error))
    return problem(unavailable("database_unavailable"), request.url.path)


def _of_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    if isinstance(error, InternalServerException) and (faults := getattr(error.__cause__, "errors", None)):
        return problem(_of_body(faults), request.url.path)
    status = error.status_code
    extra: dict[str, Any] = {"errors": error.extra} if isinstance(error.extra, list) else {}
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAuthorizedException) else error.headers
    made = ProblemError(status, _CODES.get(status, "http_error"), error.detail, headers=headers, **extra)
    return problem(made, request.url.path)


def _of_body(faults: Sequence[Mapping[str, Any]]) -> ProblemError:
    # Litestar takes a wrong field of a body for one of our dependencies where both have the same name.
    errors = [{"message": each["msg"], "key": ".".join(map(str, each["loc"])), "source": "body"} for each in faults]
    return ProblemError(400, _CODES[400], "The body is not what this route takes.", errors=errors)


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("request_crashed", path=request.scope.get("path_template"), exc_info=error)
    made = ProblemError(500, "internal", "Something here went wrong; the trace id tells the operators where.")
    return problem(made, request.url.path)
