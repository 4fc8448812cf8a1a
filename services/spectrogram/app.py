"""The composition root of the spectrogram service."""

from faststream.rabbit import RabbitBroker
from litestar import Litestar

from audio.format import AudioLimits
from chassis.internal import own_services_only
from chassis.problems import exception_handlers
from chassis.provided import of_state
from chassis.serve import Service
from chassis.web import measured, traced
from chassis.workbench import Equipment
from chassis.worker import WorkerApp
from contracts.documents import SPECTROGRAMS
from contracts.vocabulary import Lane

from .drawing import DrawingDesk
from .handlers import take_recordings
from .job import warm_up
from .preview import LOOK_SLOTS
from .reader_slots import ReaderSlots
from .routes import cut_clip, draw_figure, draw_region, draw_tile
from .settings import SpectrogramSettings


def create_app(settings: SpectrogramSettings) -> Service:
    """Return the spectrogram service: its consumers, and what it draws for waiting readers."""
    routes = Litestar(
        [draw_figure, draw_region, draw_tile, cut_clip],
        guards=[own_services_only(settings.internal_token.get_secret_value())],
        dependencies=of_state("desk"),
        exception_handlers=exception_handlers({}),
        logging_config=None,
        openapi_config=None,
    )

    limits = AudioLimits(settings.max_duration_s, settings.max_samples)

    def begin(broker: RabbitBroker, equipment: Equipment) -> None:
        slots = ReaderSlots(settings.drawing_slots, settings.drawing_queue)
        routes.state.desk = DrawingDesk(equipment, limits, slots, settings.drawing_timeout_s, settings.clip_max_s)
        take_recordings(broker, equipment, settings)

    # Readers' drawings are people's work: a process without slots for people draws nothing.
    draws = Lane.INTERACTIVE in settings.lanes
    return WorkerApp(
        settings,
        name="spectrogram",
        collection=SPECTROGRAMS,
        subscribe=begin,
        warm_up=warm_up,
        spare_slots=settings.drawing_slots + LOOK_SLOTS,
        routes=traced(measured(routes)) if draws else None,
        prefixes=("spectrograms/", "waveforms/", "tiles/", "regions/"),
    ).service()
