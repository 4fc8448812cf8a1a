"""Wishes that are announced once more."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from contracts.analysing import AnalysisWish
from contracts.documents import TASKS, AudioFacts, RecordingDocument
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from services.gateway.analyses import AnalysisRequests, analysis_request
from services.gateway.renderings import RenderRequests
from services.gateway.wishes import Wishes
from tests.fakes import FakePublisher

pytestmark = pytest.mark.servers

RECORDING = RecordingDocument(
    _id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10",
    project_id="field",
    name="one.wav",
    lane=Lane.INTERACTIVE,
    state=State.COMPLETED,
    sha256="0" * 64,
    size_bytes=1000,
    audio=AudioFacts(container="wav", codec="pcm_s16", rate_hz=44_100, channels=1, duration_claimed_s=1.0),
    uploaded_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    trace_id="0" * 32,
    current=True,
)


async def test_every_kind_of_wish_is_announced_again_as_the_same_event(database: Database) -> None:
    publisher: Any = FakePublisher()
    relay = OutboxRelay(database[TASKS], publisher, poll_s=3600)
    renderings = RenderRequests(database[TASKS], relay, 600)
    await renderings.ask(RECORDING, RenderParameters(hop=32))
    wish = AnalysisWish(extractors=("loudness",))
    await AnalysisRequests(database[TASKS], relay).ask(
        [analysis_request(RECORDING, wish, request_id="0" * 16, lane=Lane.BULK)]
    )

    await Wishes(database[TASKS], relay, renderings).announce_again(RECORDING)

    told = [[each["headers"]["ce-id"] for each in raw["outbox"]] async for raw in database[TASKS].find()]
    assert [len(ids) for ids in told] == [2, 2]
    assert [len(set(ids)) for ids in told] == [1, 1]
