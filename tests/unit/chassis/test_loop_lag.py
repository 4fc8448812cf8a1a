import asyncio
import time

from chassis.background import background
from chassis.loop_lag import EVERY_S, watch_loop
from tests.component.polling import eventually
from tests.figures import figure

BLOCKED_S = 0.7


async def test_what_blocks_the_event_loop_is_seen() -> None:
    before = _late()

    async with background(watch_loop()):
        await asyncio.sleep(EVERY_S / 5)
        time.sleep(BLOCKED_S)  # noqa: ASYNC251 (that is the fault)
        await eventually(lambda: asyncio.sleep(0, _late() > before))

    assert _late() == before + 1


def _late() -> float:
    """Return how often the loop was late by more than a quarter of a second."""
    return figure("dawnchorus_event_loop_lag_seconds_count") - figure(
        "dawnchorus_event_loop_lag_seconds_bucket", le="0.25"
    )
