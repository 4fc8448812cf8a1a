"""The composition root of the analysis service."""

from functools import partial

from chassis.serve import Service
from chassis.worker import WorkerApp
from contracts.documents import ANALYSES

from .catalogue import publish_extractors
from .extractors import check_packages, offered
from .handlers import take_recordings
from .job import warm_up
from .settings import AnalysisSettings


def create_app(settings: AnalysisSettings) -> Service:
    """Return the analysis service.

    Raises `UnknownExtractorError` and `MissingPackageError` where the settings name what is not there.
    """
    extractors = offered(settings.opted_in)
    check_packages(extractors.values())
    return WorkerApp(
        settings,
        name="analysis",
        collection=ANALYSES,
        subscribe=partial(take_recordings, settings=settings),
        warm_up=partial(warm_up, settings.opted_in),
        publish=partial(publish_extractors, extractors, by_default=settings.extractors),
    ).service()
