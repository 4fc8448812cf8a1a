"""What the analysis service does when it hears of a recording."""

from faststream.rabbit import RabbitBroker

from chassis.broker import lane_subscriber
from chassis.work import Equipment, Worker
from contracts.events import RecordingUploaded

from .settings import AnalysisSettings
from .work import AnalysisWork


def take_recordings(broker: RabbitBroker, equipment: Equipment, settings: AnalysisSettings) -> None:
    """Consume both lanes, each with slots of its own."""
    worker = Worker(equipment, AnalysisWork(settings))
    for lane, slots in settings.slots.items():

        @lane_subscriber(broker, "analysis", lane, slots)  # type: ignore[untyped-decorator]  # FastStream's
        async def analyse_uploaded_recording(event: RecordingUploaded) -> None:
            """Store the manifest of a new recording, then announce it.

            Safe to run twice: a task that has ended is left alone, object keys depend on recording and
            parameters, and only the newest claim can finish.
            """
            await worker.carry_out(event, event.uploaded_at)
