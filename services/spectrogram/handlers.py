"""What the spectrogram service does when it hears of a recording, or of a wish to see one in another way."""

import asyncio

from faststream.rabbit import RabbitBroker

from chassis.broker import lane_subscriber
from chassis.work import Worker
from chassis.workbench import Equipment
from contracts.events import RecordingUploaded, SpectrogramRequested
from contracts.rendering import RenderParameters

from .preview import LOOK_SLOTS
from .settings import SpectrogramSettings
from .work import SpectrogramWork


def take_recordings(broker: RabbitBroker, equipment: Equipment, settings: SpectrogramSettings) -> None:
    """Consume the lanes that have slots, each with its own."""
    look_slot = asyncio.Semaphore(LOOK_SLOTS)
    for lane in settings.lanes:

        @lane_subscriber(broker, "spectrogram", lane, settings.slots[lane])  # type: ignore[untyped-decorator]  # FastStream's
        async def render_recording(event: RecordingUploaded | SpectrogramRequested) -> None:
            """Store the images of a recording, then announce them.

            Safe to run twice: a task that has ended is left alone, object keys depend on recording and
            parameters, and only the newest claim can finish.
            """
            if isinstance(event, SpectrogramRequested):
                work, announced_at = SpectrogramWork(settings, event.parameters, requested=True), event.requested_at
            else:
                rendering = RenderParameters.model_validate(event.rendering or {})
                work = SpectrogramWork(settings, rendering, requested=False, look_slot=look_slot)
                announced_at = event.uploaded_at
            await Worker(equipment, work).carry_out(event, announced_at)
