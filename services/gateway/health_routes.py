"""The routes of health: how the system is, for those who use it and for those who operate it."""

from litestar import Controller, get
from pydantic import BaseModel

from chassis.problems import ProblemError, for_now

from .access import KNOWN, OBSERVE
from .health_checks import HealthBoard, Part, PartHealth, Status, overall


class HealthView(BaseModel):
    """How the system is, and each of its parts."""

    status: Status
    services: dict[Part, Status]


class DetailedHealthView(BaseModel):
    """How the system is, and what each of its parts says."""

    status: Status
    services: dict[Part, PartHealth]


class HealthController(Controller):
    """How the system is."""

    path = "/health"
    tags = ("operations",)

    @get(operation_id="getHealth", needs=KNOWN)
    async def short(self, health_board: HealthBoard) -> HealthView:
        """Say how the system is; 503 where it is down: without its database or storage."""
        parts = await health_board.parts()
        statuses = {part: health.status for part, health in parts.items()}
        _refuse_if_down(overall(parts), {"services": statuses})
        return HealthView(status=overall(parts), services=statuses)

    @get("/detailed", operation_id="getDetailedHealth", needs=OBSERVE)
    async def detailed(self, health_board: HealthBoard) -> DetailedHealthView:
        """Say how every part is, for operators: latency, backlog, workers; 503 where the system is down."""
        parts = await health_board.parts()
        _refuse_if_down(overall(parts), {"services": {part: each.model_dump() for part, each in parts.items()}})
        return DetailedHealthView(status=overall(parts), services=parts)

    @get("/services/{part:str}", operation_id="getServiceHealth", needs=KNOWN)
    async def one(self, health_board: HealthBoard, part: str) -> PartHealth:
        """Say how one part is; 503 where it is down."""
        if part not in list(Part):
            raise ProblemError(404, "not_found", f"There is no such service; there are {', '.join(Part)}.")
        health = (await health_board.parts())[Part(part)]
        _refuse_if_down(health.status, {"service": health.model_dump()})
        return health


def _refuse_if_down(status: Status, said: dict[str, object]) -> None:
    if status is Status.DOWN:
        raise for_now(
            "service_down",
            "A part that this asks about does not answer.",
            next_step="See which one it is in what follows; it is looked at anew every second.",
            health=said,
        )
