"""The composition root of the analysis service."""

from chassis.serve import Service
from chassis.worker import WorkerApp
from contracts.documents import ANALYSES

from .handlers import take_uploaded_recordings
from .job import warm_up
from .settings import AnalysisSettings
from .work import AnalysisWork


def create_app(settings: AnalysisSettings) -> Service:
    """Return the analysis service."""
    return WorkerApp(
        settings,
        name="analysis",
        collection=ANALYSES,
        work=AnalysisWork(settings),
        subscribe=take_uploaded_recordings,
        warm_up=warm_up,
    ).service()
