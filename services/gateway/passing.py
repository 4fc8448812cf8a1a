"""Problems of the services behind the gateway, passed on to its clients as they are."""

from typing import Any

from chassis.problems import ProblemError


def passed_on(said: dict[str, Any]) -> ProblemError:
    """Return the problem that another service answered."""
    extra = {"recording_id": said["recording_id"]} if "recording_id" in said else {}
    headers = {"Retry-After": "5"} if said["status"] == 503 else {}
    return ProblemError(
        said["status"], said["code"], said["detail"], next_step=said.get("next_step"), headers=headers, **extra
    )
