"""Routes that change recordings: what is said of them, deleted, restored; ingest, whose documents they are, writes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import Controller, Request, delete, patch, post
from litestar.params import PathParameter
from pydantic import BaseModel, ConfigDict, Field

from contracts.changing import BULK_MAX, Deleted, Deletion, RecordingChange

from .access import WRITE
from .forwarding import IngestDoor
from .keys import Caller
from .reads import Reads
from .views import RecordingView, view
from .wishes import Wishes


class BulkDeletion(BaseModel):
    """Which recordings are to go."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=BULK_MAX)


class DeletedItem(BaseModel):
    """What became of one of them."""

    id: str
    status: Literal["deleted", "not_found"]


class BulkDeleted(BaseModel):
    """What became of each, in the order in which they were named."""

    items: list[DeletedItem]
    restorable_until: datetime = Field(description="Until then what was deleted can be restored.")


class ChangeController(Controller):
    """What clients change of their recordings."""

    path = "/recordings"
    tags = ("recordings",)

    @patch("/{recording_id:str}", operation_id="changeRecording", needs=WRITE)
    async def change(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        ingest: IngestDoor,
        recording_id: str,
        data: RecordingChange,
    ) -> RecordingView:
        """Change name, tags, when and where it was recorded; what is not named stays, null takes away (RFC 7396)."""
        found = await reads.recording(request.user, recording_id)
        path = f"/recordings/{found.recording.id}"
        await ingest.ask("PATCH", path, data, project_id=found.recording.project_id)
        changed = await reads.recording(request.user, recording_id)
        return view(changed.recording, changed.spectrogram, changed.analysis)

    @delete("/{recording_id:str}", operation_id="deleteRecording", needs=WRITE)
    async def delete_one(
        self, request: Request[Caller, Any, Any], reads: Reads, ingest: IngestDoor, recording_id: str
    ) -> None:
        """Delete a recording and all that came of it: at once for its readers, for good when its retention ends.

        What is working on it stops.
        """
        found = await reads.recording(request.user, recording_id)
        await ingest.ask("POST", "/deletions", _deletion(request.user, [found.recording.id]))

    @post("/delete", operation_id="deleteRecordings", needs=WRITE, status_code=200)
    async def delete_many(
        self, request: Request[Caller, Any, Any], ingest: IngestDoor, data: BulkDeletion
    ) -> BulkDeleted:
        """Delete up to 1000 recordings; one that is not there, or not the caller's to delete, is `not_found`."""
        said = await ingest.ask("POST", "/deletions", _deletion(request.user, data.ids))
        deleted = Deleted.model_validate(said)
        gone = set(deleted.recording_ids)
        items = [DeletedItem(id=each, status="deleted" if each in gone else "not_found") for each in data.ids]
        return BulkDeleted(items=items, restorable_until=deleted.restorable_until)

    @post("/{recording_id:str}/restore", operation_id="restoreRecording", needs=WRITE, problems=(409,), status_code=200)
    async def restore(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        ingest: IngestDoor,
        wishes: Wishes,
        recording_id: Annotated[str, PathParameter(max_length=64)],
    ) -> RecordingView:
        """Take a deletion back, until its retention ends; what it stopped begins again."""
        found = await reads.recording(request.user, recording_id, deleted=True)
        await ingest.ask("POST", "/restorations", _deletion(request.user, [found.recording.id]))
        await wishes.announce_again(found.recording)
        restored = await reads.recording(request.user, recording_id)
        return view(restored.recording, restored.spectrogram, restored.analysis)


def _deletion(caller: Caller, recording_ids: list[str]) -> Deletion:
    return Deletion(project_ids=caller.project_ids, recording_ids=tuple(recording_ids))
