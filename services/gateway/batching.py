"""New batches: every item checked, priced where only that was asked for, stored for whoever works them off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from chassis.inbox import ForeignUriError, inbox_key, inbox_uri
from contracts.analysing import AnalysisWish
from contracts.batches import BatchDocument, BatchItemDocument
from contracts.documents import ANALYSES, SPECTROGRAMS, RecordingDocument
from contracts.rendering import RenderParameters
from contracts.vocabulary import Fault, Lane, State

from .batch_runner import BatchRunner
from .batch_views import BatchPlan, NewItem, RefusedItem
from .batches import Batches, new_batch_id, new_item
from .forecast import Cost, Forecasts
from .forwarding import IngestDoor
from .keys import Caller
from .reads import Reads

BAD_ITEM = Fault(
    code="bad_item",
    sentence="An item names a uri or a recording_id: one of the two.",
    next_step="Send it again with one of them.",
)
_LOOKED_UP_TOGETHER = 1000
_COST_FROM = "the last {0} renderings and {1} analyses that ended well, from claim to end"
_NOTHING_MEASURED = "nothing was measured yet"


@dataclass(frozen=True)
class Order:
    """What is to be done with every item."""

    project_id: str
    name: str
    lane: Lane
    rendering: RenderParameters | None = None
    wish: AnalysisWish | None = None


@dataclass(frozen=True)
class Sources:
    """Where recordings may be taken from: inboxes in our bucket, and hosts that operators listed."""

    bucket: str
    prefix: str
    hosts: tuple[str, ...]

    def fault(self, project_id: str, uri: str) -> Fault | None:
        """Return why a project may not take a recording from there; None where it may."""
        try:
            if uri.startswith(("http://", "https://")) and urlsplit(uri).hostname in self.hosts:
                return None
            inbox_key(uri, inbox_uri(self.bucket, self.prefix, project_id))
        except (ForeignUriError, ValueError):
            # A URL that cannot be read is foreign, too.
            error = ForeignUriError(uri, inbox_uri(self.bucket, self.prefix, project_id))
            return Fault(code=error.code, sentence=str(error), next_step=error.next_step)
        return None


class BatchDesk:
    """Takes batches in."""

    def __init__(
        self,
        batches: Batches,
        runner: BatchRunner,
        reads: Reads,
        forecasts: Forecasts,
        sources: Sources,
        ingest: IngestDoor,
    ) -> None:
        self._batches = batches
        self._runner = runner
        self._reads = reads
        self._forecasts = forecasts
        self._sources = sources
        self._ingest = ingest

    async def take(
        self, caller: Caller, order: Order, items: Sequence[NewItem]
    ) -> tuple[BatchDocument, list[BatchItemDocument]]:
        """Store a batch and have it worked off; items that make no sense are stored as failed.

        Raises a problem, 507, where something is to be taken in and there is no room.
        """
        if any(each.uri is not None for each in items):
            await self._ingest.check_room()
        batch = BatchDocument(
            id=new_batch_id(),
            project_id=order.project_id,
            name=order.name,
            lane=order.lane,
            rendering=order.rendering,
            wish=order.wish.model_dump_json() if order.wish is not None else None,
            created_at=datetime.now(UTC),
            is_open=bool(items),
            items=len(items),
        )
        known = await self._known(caller, order.project_id, items)
        documents = [self._document(batch, number, item, known) for number, item in enumerate(items)]
        await self._batches.add(batch, documents)
        self._runner.wake()
        return batch, documents

    async def plan(self, caller: Caller, order: Order, items: Sequence[NewItem]) -> BatchPlan:
        """Check and price a batch; nothing is stored."""
        known = await self._known(caller, order.project_id, items)
        faults = [(number, self._fault(order.project_id, item, known)) for number, item in enumerate(items)]
        good = [item for item, (_, fault) in zip(items, faults, strict=True) if fault is None]
        lengths = [_length_s(known.get(item.recording_id or "")) for item in good]
        audio_s = sum(each for each in lengths if each is not None)
        drawn, analysed = await self._forecasts.cost(SPECTROGRAMS), await self._forecasts.cost(ANALYSES)
        cost = _sum(drawn, analysed)
        return BatchPlan(
            items=len(items),
            refused=[RefusedItem(number=number, error=fault) for number, fault in faults if fault is not None],
            audio_s=audio_s,
            unknown_length=lengths.count(None),
            cost_per_audio_s=cost,
            cost_from=_NOTHING_MEASURED if cost is None else _COST_FROM.format(drawn.tasks, analysed.tasks),
            cost_s=None if cost is None else cost * audio_s,
        )

    async def _known(self, caller: Caller, project_id: str, items: Sequence[NewItem]) -> dict[str, RecordingDocument]:
        ids = sorted({each.recording_id for each in items if each.recording_id is not None})
        known: dict[str, RecordingDocument] = {}
        for first in range(0, len(ids), _LOOKED_UP_TOGETHER):
            found = await self._reads.recordings(caller, ids[first : first + _LOOKED_UP_TOGETHER])
            known |= {id_: each.recording for id_, each in found.items() if each.recording.project_id == project_id}
        return known

    def _document(
        self, batch: BatchDocument, number: int, item: NewItem, known: dict[str, RecordingDocument]
    ) -> BatchItemDocument:
        fault = self._fault(batch.project_id, item, known)
        facts = {
            "uri": item.uri,
            "name": item.name,
            "recording_id": item.recording_id if item.recording_id in known else None,
            "is_again": item.recording_id is not None,
            "state": State.QUEUED if fault is None else State.FAILED,
            "error": fault,
        }
        return new_item(batch, number).model_copy(update=facts)

    def _fault(self, project_id: str, item: NewItem, known: dict[str, RecordingDocument]) -> Fault | None:
        if (item.uri is None) == (item.recording_id is None):
            return BAD_ITEM
        if item.uri is not None:
            return self._sources.fault(project_id, item.uri)
        recording = known.get(str(item.recording_id))
        if recording is None:
            return Fault(
                code="not_found",
                sentence=f"There is no recording {str(item.recording_id)[:64]} in this project.",
                next_step="Take the ids from GET /v1/recordings.",
            )
        return recording.error


def _length_s(recording: RecordingDocument | None) -> float | None:
    return recording.audio.duration_claimed_s if recording is not None and recording.audio is not None else None


def _sum(drawn: Cost, analysed: Cost) -> float | None:
    if drawn.per_audio_s is None or analysed.per_audio_s is None:
        return None
    return drawn.per_audio_s + analysed.per_audio_s
