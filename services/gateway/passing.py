"""Problems of the services behind the gateway, passed on to its clients as they are."""

from typing import Any

import httpx

from chassis.problems import ROOM_AFTER_S, ProblemError

# What problems say beside their sentence.
_PASSED = ("recording_id", "missing")


def passed_on(answer: httpx.Response) -> ProblemError:
    """Return the problem that another service answered."""
    said: dict[str, Any] = answer.json()
    extra = {name: said[name] for name in _PASSED if name in said}
    may_pass = said["status"] == 503 or said["code"] == "upload_completing"
    headers = {"Retry-After": answer.headers.get("Retry-After", "5")} if may_pass else {}
    headers |= {"Retry-After": str(ROOM_AFTER_S)} if said["status"] == 507 else {}
    return ProblemError(
        said["status"], said["code"], said["detail"], next_step=said.get("next_step"), headers=headers, **extra
    )
