"""The indexes of ingest."""

import asyncio

from chassis.documents import Database
from chassis.outbox import prepare_outbox
from chassis.reconciling import prepare_watch
from contracts.documents import UPLOADS

from .parts import prepare_uploads
from .recordings import Recordings
from .retention import prepare_retention
from .settings import IngestSettings
from .upload_keys import UploadKeys


async def prepare_indexes(database: Database, settings: IngestSettings) -> None:
    """Make those that are not there yet."""
    recordings, keys = Recordings(database), UploadKeys(database, settings.idempotency_s)
    await asyncio.gather(
        recordings.prepare(),
        prepare_outbox(recordings.collection),
        prepare_watch(recordings.collection, forgets=False),
        keys.prepare(),
        prepare_uploads(database[UPLOADS]),
        prepare_retention(recordings.collection, settings.recordings_kept_days),
    )
