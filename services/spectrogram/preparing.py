"""The indexes of the spectrogram service."""

from chassis.documents import Database
from chassis.worker import prepare_worker
from contracts.documents import SPECTROGRAMS

from .settings import SpectrogramSettings


async def prepare_indexes(database: Database, _: SpectrogramSettings) -> None:
    """Make those that are not there yet."""
    await prepare_worker(database, SPECTROGRAMS)
