"""The composition root of the analysis service."""

from functools import partial

from chassis.serve import Service
from chassis.worker import WorkerApp
from contracts.documents import ANALYSES

from .catalogue import publish_extractors
from .extractors import extractors_named
from .handlers import take_recordings
from .job import warm_up
from .settings import AnalysisSettings


def create_app(settings: AnalysisSettings) -> Service:
    """Return the analysis service. Raises what `extractors_named` says of the extractors in the settings."""
    extractors_named(settings.extractors)
    return WorkerApp(
        settings,
        name="analysis",
        collection=ANALYSES,
        subscribe=partial(take_recordings, settings=settings),
        warm_up=partial(warm_up, settings.extractors),
        publish=partial(publish_extractors, by_default=settings.extractors),
    ).service()
