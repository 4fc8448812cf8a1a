"""Ways to see a recording: what a reader asked for, and the wish passed on where nobody has begun on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from litestar import Request
from litestar.params import QueryParameter
from pydantic import ValidationError

from chassis.clock import now_ms
from chassis.documents import Collection, DuplicateKeyError
from chassis.outbox import OutboxRelay, outbox_entry
from chassis.problems import ProblemError
from contracts.documents import RecordingDocument
from contracts.envelope import envelop, event_id
from contracts.events import SpectrogramRequested
from contracts.rendering import (
    PRESETS,
    PaletteName,
    Pool,
    Preset,
    Reference,
    RenderParameters,
    ScaleName,
    WindowName,
)
from contracts.vocabulary import Lane
from contracts.watching import Watch
from contracts.wish_documents import AnalysisRequestDocument, RenderRequestDocument

from .keys import Caller
from .reads import Reads

SOURCE = "gateway"

Hertz = Annotated[float | None, QueryParameter(ge=0)]


async def asked_rendering(
    request: Request[Caller, Any, Any],
    reads: Reads,
    recording_id: str,
    preset: Preset | None = None,
    window_size: int | None = None,
    window: WindowName | None = None,
    hop: int | None = None,
    f_min_hz: Hertz = None,
    f_max_hz: Hertz = None,
    scale: ScaleName | None = None,
    floor_db: float | None = None,
    ceiling_db: float | None = None,
    reference: Reference | None = None,
    palette: PaletteName | None = None,
    channel: str | None = None,
    pool: Pool | None = None,
    pcen: bool | None = None,
) -> RenderParameters:
    """Return what the query asks for: the values of the preset, or the recording's own, and what is given instead."""
    given: dict[str, Any] = {
        "window_size": window_size,
        "window": window,
        "hop": hop,
        "f_min_hz": f_min_hz,
        "f_max_hz": f_max_hz,
        "scale": scale,
        "floor_db": floor_db,
        "ceiling_db": ceiling_db,
        "reference": reference,
        "palette": palette,
        "channel": int(channel) if channel is not None and channel.isdecimal() else channel,
        "pool": pool,
        "pcen": pcen,
    }
    base = PRESETS[preset] if preset is not None else await reads.own_rendering(request.user, recording_id)
    return changed(base, given)


def query_of(own: RenderParameters, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the query that asks for `parameters`, a task's, of a recording whose own rendering is `own`."""
    wanted = {name: value for name, value in parameters.items() if name in RenderParameters.model_fields}
    query = _differences(own, wanted)
    if None in query.values():
        # A query cannot say "null" in the place of a value: the built-in rendering has every null there is.
        query = {"preset": "default", **_differences(PRESETS["default"], wanted)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()}


def _differences(base: RenderParameters, wanted: Mapping[str, Any]) -> dict[str, Any]:
    said = base.model_dump(mode="json")
    return {name: value for name, value in wanted.items() if value != said[name]}


def changed(base: RenderParameters, given: Mapping[str, Any]) -> RenderParameters:
    """Return `base` with what is given, and not None, in its place; what makes no sense is the client's problem."""
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return RenderParameters.model_validate({**base.model_dump(), **chosen})
    except ValidationError as error:
        raise _invalid(error) from error


class RenderRequests:
    """Wishes, one document each: asked twice, rendered once.

    Those about recordings of `long_from_s` or more, or of unknown length, go to the bulk lane: no upload waits for one.
    """

    def __init__(self, collection: Collection, relay: OutboxRelay, long_from_s: float) -> None:
        self._collection = collection
        self._relay = relay
        self._long_from_s = long_from_s

    async def ask(
        self,
        recording: RecordingDocument,
        parameters: RenderParameters,
        lane: Lane | None = None,
        batch_id: str | None = None,
    ) -> None:
        """Make the wish known, unless it is already."""
        document = self.document(recording, parameters, lane, batch_id)
        if document is None:
            return
        try:
            await self._collection.insert_one(stored(document))
        except DuplicateKeyError:
            return
        self._relay.wake()

    def document(
        self,
        recording: RecordingDocument,
        parameters: RenderParameters,
        lane: Lane | None = None,
        batch_id: str | None = None,
        *,
        requested_at: datetime | None = None,
    ) -> RenderRequestDocument | None:
        """Return the document of a wish, with the event that announces it; None where there is nothing to draw."""
        if recording.audio is None:
            return None
        now = requested_at or now_ms()
        event = SpectrogramRequested(
            recording_id=recording.id,
            project_id=recording.project_id,
            lane=lane or self._lane(recording.audio.duration_claimed_s),
            batch_id=batch_id,
            sha256=recording.sha256,
            size_bytes=recording.size_bytes,
            container=recording.audio.container,
            duration_claimed_s=recording.audio.duration_claimed_s,
            parameters=parameters,
            requested_at=now,
        )
        id_ = event_id(event, parameters_id=parameters.parameters_id)
        return RenderRequestDocument(
            id=f"{recording.id}/{parameters.parameters_id}",
            recording_id=recording.id,
            project_id=recording.project_id,
            parameters=parameters.document(),
            lane=event.lane,
            audio_s=recording.audio.duration_claimed_s,
            batch_id=batch_id,
            requested_at=now,
            watch=Watch.begun(now),
            outbox=(outbox_entry(envelop(event, source=SOURCE, id_=id_, time=now)),),
        )

    def _lane(self, duration_s: float | None) -> Lane:
        is_long = duration_s is None or duration_s >= self._long_from_s
        return Lane.BULK if is_long else Lane.INTERACTIVE


def stored(wish: RenderRequestDocument | AnalysisRequestDocument) -> dict[str, Any]:
    """Return a wish as `tasks` holds it."""
    watch = wish.watch.document() if wish.watch is not None else None
    return {**wish.model_dump(by_alias=True), "watch": watch}


def _invalid(error: ValidationError) -> ProblemError:
    faults = [{"key": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
    return ProblemError(
        400,
        "invalid_parameters",
        "; ".join(f"{fault['key']}: {fault['message']}".removeprefix(": ") for fault in faults),
        next_step="Correct the parameters; /schema/openapi.json lists them.",
        errors=faults,
    )
