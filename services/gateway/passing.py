"""Problems of the services behind the gateway, passed on to its clients as they are."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import structlog

from chassis.errors import TransientError
from chassis.problems import PROBLEM_JSON, ROOM_AFTER_S, ProblemError

log = structlog.get_logger()

# What problems say beside their sentence.
_PASSED = ("recording_id", "missing")


def passed_on(answer: httpx.Response, away: Callable[[str], TransientError]) -> ProblemError | TransientError:
    """Return the problem that another service answered; `away` where the answer is none of that service to clients."""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        # Clients sent their keys to us; what is refused here is our own token.
        log.error("internal_token_refused", path=answer.request.url.path)
        return away("it refuses our internal token")
    if not answer.headers.get("content-type", "").startswith(PROBLEM_JSON):
        return away(f"status {answer.status_code} without a problem document")
    said: dict[str, Any] = answer.json()
    extra = {name: said[name] for name in _PASSED if name in said}
    may_pass = said["status"] == 503 or said["code"] == "upload_completing"
    headers = {"Retry-After": answer.headers.get("Retry-After", "5")} if may_pass else {}
    headers |= {"Retry-After": str(ROOM_AFTER_S)} if said["status"] == 507 else {}
    return ProblemError(
        said["status"], said["code"], said["detail"], next_step=said.get("next_step"), headers=headers, **extra
    )
