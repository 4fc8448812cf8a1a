"""Dead letters that a test parks."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from chassis.documents import Collection, open_database
from chassis.settings import ServiceSettings
from contracts.dead_letters import DEAD_LETTERS
from contracts.envelope import envelop, to_message
from contracts.events import RecordingUploaded
from contracts.vocabulary import Lane
from services.gateway.burying import dead_letter
from tests.system import System


async def parked_letter(system: System, project_id: str, recording_id: str) -> str:
    """Write a dead letter of a project, as the undertaker would; return its id.

    recording_id  has ended: when the letter is replayed, nothing is left to do
    """
    event = RecordingUploaded(
        recording_id=recording_id,
        project_id=project_id,
        lane=Lane.BULK,
        sha256="0" * 64,
        size_bytes=1000,
        container="wav",
        codec="pcm_s16",
        rate_hz=44_100,
        channels=1,
        uploaded_at=datetime.now(UTC),
    )
    message = to_message(envelop(event, source="test", id_=str(uuid.uuid4())))
    death = {"count": 1, "queue": "spectrogram.work.bulk", "reason": "rejected", "time": datetime.now(UTC)}
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    letter = dead_letter("spectrogram", {**message.headers, "x-death": [death]}, body, datetime.now(UTC))
    async with dead_letters(system) as collection:
        await collection.insert_one(letter.model_dump(by_alias=True))
    return letter.id


@asynccontextmanager
async def dead_letters(system: System) -> AsyncIterator[Collection]:
    """The documents of the system's dead letters."""
    url = system.environment["MONGODB_URL"]
    settings = ServiceSettings(amqp_url="", mongodb_url=url, s3_access_key_id="", s3_secret_access_key="")
    async with open_database(settings) as database:
        yield database[DEAD_LETTERS]
