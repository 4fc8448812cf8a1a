"""The composition root of the spectrogram service."""

from chassis.serve import Service
from chassis.worker import WorkerApp
from contracts.documents import SPECTROGRAMS

from .handlers import take_uploaded_recordings
from .job import warm_up
from .settings import SpectrogramSettings
from .work import SpectrogramWork


def create_app(settings: SpectrogramSettings) -> Service:
    """Return the spectrogram service."""
    return WorkerApp(
        settings,
        name="spectrogram",
        collection=SPECTROGRAMS,
        work=SpectrogramWork(settings),
        subscribe=take_uploaded_recordings,
        warm_up=warm_up,
    ).service()
