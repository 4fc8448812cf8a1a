"""How urgent work is: a lane by its name, or by a priority."""

from typing import Annotated

from litestar.params import QueryParameter

from chassis.problems import ProblemError
from contracts.vocabulary import PRIORITY_INTERACTIVE, PRIORITY_MAX, Lane

PRIORITY = (
    f"0 to {PRIORITY_MAX}, the higher the more urgent: from {PRIORITY_INTERACTIVE} on `interactive`, else `bulk`."
)

Priority = Annotated[int | None, QueryParameter(ge=0, le=PRIORITY_MAX, description=PRIORITY)]


def lane_of(lane: Lane | None, priority: int | None, otherwise: Lane = Lane.INTERACTIVE) -> Lane:
    """Return the lane that is meant. Raises a problem, 400, where name and priority say different ones."""
    if priority is None:
        return lane or otherwise
    meant = Lane.of_priority(priority)
    if lane not in (None, meant):
        raise ProblemError(
            400,
            "bad_request",
            f"The priority {priority} means the lane {meant}, not {lane}.",
            next_step="Send one of the two.",
        )
    return meant
