"""The composition root of the analysis service."""

from functools import partial

from chassis.documents import Database
from chassis.jobs import JobPool
from chassis.serve import Service
from chassis.worker import WorkerApp
from contracts.documents import ANALYSES

from .catalogue import publish_extractors
from .extractors import check_packages, offered
from .gpu_search import has_gpu
from .handlers import take_recordings
from .job import warm_up
from .schedule import Schedule
from .settings import AnalysisSettings


def create_app(settings: AnalysisSettings) -> Service:
    """Return the analysis service.

    Raises `UnknownExtractorError` and `MissingPackageError` where the settings name what is not there.
    """
    extractors = offered(settings.opted_in)
    check_packages(extractors.values())
    schedule = Schedule(settings)

    async def publish(database: Database, pool: JobPool) -> None:
        schedule.has_gpu = await has_gpu(settings.device, pool)
        await publish_extractors(extractors, database, by_default=settings.extractors, on_gpu=schedule.has_gpu)

    return WorkerApp(
        settings,
        name="analysis",
        collection=ANALYSES,
        subscribe=partial(take_recordings, settings=settings, schedule=schedule),
        warm_up=partial(warm_up, settings.opted_in, gpu=settings.device != "cpu"),
        publish=publish,
        prefixes=("manifests/", "series/", "attachments/"),
    ).service()
