"""The conversation in which a recording is sent: asked for by its hash first, in parts where it is large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import recordings
from .files import LocalRecording, Told
from .models import Accepted, PartedUpload
from .operations import Conversation
from .unfinished import UnfinishedUploads

IN_PARTS_FROM_BYTES = 64_000_000
# Addresses are good for an hour: as many as a slow connection sends in that time.
_PARTS_AT_ONCE = 8


@dataclass(frozen=True)
class UploadWish:
    """Where recordings go, and how urgent they are."""

    project: str | None = None
    lane: str | None = None
    priority: int | None = None
    batch: str | None = None
    in_parts_from_bytes: int = IN_PARTS_FROM_BYTES

    @property
    def asked(self) -> dict[str, str | int]:
        """What is said to the gateway: nothing of what nobody wished."""
        asked = {"project": self.project, "lane": self.lane, "priority": self.priority, "batch": self.batch}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class Uploaded:
    """What became of a recording: `sent_bytes` of its audio were sent this time."""

    recording_id: str
    sent_bytes: int
    resumed: bool = False

    @property
    def was_known(self) -> bool:
        """Whether the gateway had it already."""
        return self.sent_bytes == 0 and not self.resumed


def uploading(
    local: LocalRecording, wish: UploadWish, unfinished: UnfinishedUploads, told: Told = lambda size_bytes: None
) -> Conversation[Uploaded]:
    """Send a recording unless the project has it; `told` hears of every byte that is there, sent now or before."""
    (known_id,) = yield [recordings.known_recording(local.sha256, wish.project)]
    if known_id is not None:
        told(local.size_bytes)
        return Uploaded(known_id, 0)
    if local.size_bytes >= wish.in_parts_from_bytes:
        return (yield from _uploading_in_parts(local, wish, unfinished, told))
    (accepted,) = yield [recordings.upload(local, told, **wish.asked)]
    return Uploaded(accepted.id, local.size_bytes)


def _uploading_in_parts(
    local: LocalRecording, wish: UploadWish, unfinished: UnfinishedUploads, told: Told
) -> Conversation[Uploaded]:
    upload, resumed = yield from _begun(local, wish, unfinished)
    missing = [number for number in range(1, upload.parts + 1) if number not in upload.stored]
    left_bytes = sum(_part_bytes(upload, number) for number in missing)
    told(local.size_bytes - left_bytes)
    for numbers in _in_groups(missing):
        (urls,) = yield [recordings.part_urls(upload.id, numbers)]
        yield [recordings.send_part(local, part, told) for part in urls.items]
    (accepted,) = yield [recordings.complete_upload(upload.id)]
    unfinished.end(wish.project, local.sha256)
    return Uploaded(_id_of(accepted), left_bytes, resumed)


def _begun(
    local: LocalRecording, wish: UploadWish, unfinished: UnfinishedUploads
) -> Conversation[tuple[PartedUpload, bool]]:
    begun_id = unfinished.begun(wish.project, local.sha256)
    if begun_id is not None:
        (found,) = yield [recordings.parted_upload(begun_id)]
        if found is not None:
            return found, True
    (begun,) = yield [recordings.begin_upload(local, **wish.asked)]
    unfinished.begin(wish.project, local.sha256, begun.id)
    return begun, False


def _id_of(accepted: Accepted) -> str:
    return accepted.duplicate_of or accepted.id


def _part_bytes(upload: PartedUpload, number: int) -> int:
    return min(upload.part_bytes, upload.size_bytes - (number - 1) * upload.part_bytes)


def _in_groups(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), _PARTS_AT_ONCE):
        yield numbers[first : first + _PARTS_AT_ONCE]
