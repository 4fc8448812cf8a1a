"""Wishes to see a recording in another way: one about a long recording keeps no upload waiting."""

from typing import Any, cast

import pytest

from chassis.outbox import OutboxRelay
from contracts.documents import AudioFacts, OutboxEntry, RecordingDocument
from contracts.envelope import from_message
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from services.gateway.renderings import RenderRequests
from tests.fakes import FakeRelay
from tests.unit.workers.doing import NOW, RECORDING

LONG_FROM_S = 600.0


class Wishes:
    """A collection that keeps what is written into it."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    async def insert_one(self, document: dict[str, Any]) -> None:
        self.documents.append(document)


@pytest.mark.parametrize(
    ("duration_s", "lane"),
    [(1.0, Lane.INTERACTIVE), (599.9, Lane.INTERACTIVE), (600.0, Lane.BULK), (86_400.0, Lane.BULK), (None, Lane.BULK)],
)
async def test_a_wish_about_a_long_recording_goes_by_the_bulk_lane(duration_s: float | None, lane: Lane) -> None:
    wishes, relay = Wishes(), FakeRelay()
    requests = RenderRequests(cast("Any", wishes), cast("OutboxRelay", relay), LONG_FROM_S)

    await requests.ask(_recording(duration_s), RenderParameters(hop=32))

    [document] = wishes.documents
    entry = OutboxEntry.model_validate(document["outbox"][0])
    envelope = from_message(entry.headers, entry.body.encode())
    assert (envelope.event.lane, envelope.routing_key) == (lane, f"spectrogram.requested.v1.{lane}")
    assert relay.woken == 1


def _recording(duration_s: float | None) -> RecordingDocument:
    audio = AudioFacts(container="wav", codec="pcm_s16", rate_hz=44_100, channels=1, duration_claimed_s=duration_s)
    return RecordingDocument(
        _id=RECORDING,
        project_id="default",
        name="night.wav",
        lane=Lane.INTERACTIVE,
        state=State.COMPLETED,
        sha256="0" * 64,
        size_bytes=1000,
        audio=audio,
        uploaded_at=NOW,
        trace_id="0" * 32,
        current=True,
    )
