"""What the analysis service does when it hears of a recording, or of a wish to have one analysed again."""

from faststream.rabbit import RabbitBroker

from chassis.broker import lane_subscriber
from chassis.work import Worker
from chassis.workbench import Equipment
from contracts.events import AnalysisRequested, RecordingUploaded

from .schedule import Schedule, taken_at_once
from .settings import AnalysisSettings
from .work import AnalysisWork


def take_recordings(broker: RabbitBroker, equipment: Equipment, settings: AnalysisSettings, schedule: Schedule) -> None:
    """Consume the lanes that have slots, each with its own."""
    for lane, taken in taken_at_once(settings).items():

        @lane_subscriber(broker, "analysis", lane, taken)  # type: ignore[untyped-decorator]  # FastStream's
        async def analyse_recording(event: RecordingUploaded | AnalysisRequested) -> None:
            """Store the manifest of a recording, then announce it; what was computed before is not computed again.

            Safe to run twice: a task that has ended is left alone, object keys depend on recording and
            parameters, and only the newest claim can finish.
            """
            if isinstance(event, AnalysisRequested):
                work, announced_at = AnalysisWork(settings, event, schedule=schedule), event.requested_at
            else:
                work, announced_at = AnalysisWork(settings, schedule=schedule), event.uploaded_at
            async with schedule.turn(event.lane, event.duration_claimed_s):
                await Worker(equipment, work).carry_out(event, announced_at)
