"""The indexes of the analysis service."""

from chassis.documents import Database
from chassis.worker import prepare_worker
from contracts.documents import ANALYSES

from .settings import AnalysisSettings


async def prepare_indexes(database: Database, _: AnalysisSettings) -> None:
    """Make those that are not there yet."""
    await prepare_worker(database, ANALYSES)
