"""Problems of the services behind the gateway, passed on to its clients as they are."""

from typing import Any

from chassis.problems import ROOM_AFTER_S, ProblemError

# What problems say beside their sentence.
_PASSED = ("recording_id", "missing")


def passed_on(said: dict[str, Any]) -> ProblemError:
    """Return the problem that another service answered."""
    extra = {name: said[name] for name in _PASSED if name in said}
    headers = {"Retry-After": "5"} if said["status"] == 503 or said["code"] == "upload_completing" else {}
    headers |= {"Retry-After": str(ROOM_AFTER_S)} if said["status"] == 507 else {}
    return ProblemError(
        said["status"], said["code"], said["detail"], next_step=said.get("next_step"), headers=headers, **extra
    )
