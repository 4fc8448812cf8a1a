"""The route of capabilities: who the caller is here, what they may do, and the limits in force."""

from typing import Any, get_args

from litestar import Request, get
from pydantic import BaseModel, Field

from audio.format import Container
from contracts.rendering import PRESETS, PaletteName
from contracts.vocabulary import Lane, Role, Scope

from .access import KNOWN
from .keys import Caller
from .limits import RateClass
from .reads import Reads
from .settings import GatewaySettings


class CallerView(BaseModel):
    """Who asks."""

    member: str = Field(description="By this name owners give you a role.", examples=["32785549c7032e28"])
    scopes: list[Scope] = Field(description="What your key may be used for.")
    projects: dict[str, Role] = Field(description="Your role in each project.", examples=[{"night-survey": "writer"}])


class LimitsView(BaseModel):
    """The limits in force."""

    upload_bytes: int = Field(description="The largest recording.")
    json_bytes: int = Field(description="The largest body that is no recording.")
    requests_per_minute: dict[RateClass, int] = Field(description="By class of routes; 0: no limit.")
    at_once: dict[RateClass, int] = Field(description="Under way at once; 0: no limit.")


class Capabilities(BaseModel):
    """What a client may do, and what there is to ask for."""

    caller: CallerView
    limits: LimitsView
    containers: list[str] = Field(description="What recordings may be.", examples=[["wav", "flac"]])
    lanes: list[Lane]
    presets: list[str] = Field(description="Ways to see a recording.", examples=[["default", "birdsong"]])
    palettes: list[str] = Field(examples=[["viridis", "magma"]])
    extractors: list[str] = Field(examples=[["loudness", "spectral"]])


@get("/capabilities", operation_id="getCapabilities", needs=KNOWN, tags=["capabilities"])
async def get_capabilities(request: Request[Caller, Any, Any], reads: Reads, settings: GatewaySettings) -> Capabilities:
    """Say who the caller is here, what they may do, the limits in force, and what there is to ask for."""
    caller = request.user
    return Capabilities(
        caller=CallerView(member=caller.id, scopes=sorted(caller.scopes), projects=dict(sorted(caller.roles.items()))),
        limits=LimitsView(
            upload_bytes=settings.max_upload_bytes,
            json_bytes=settings.max_json_bytes,
            requests_per_minute=settings.quotas,
            at_once=settings.at_once,
        ),
        containers=list(Container),
        lanes=list(Lane),
        presets=list(PRESETS),
        palettes=list(get_args(PaletteName)),
        extractors=[each.id for each in await reads.extractors()],
    )
