"""Who may work when: slots per lane, none of the short ones' for long recordings, and slots for transfers and GPUs."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from chassis.errors import SlotsTakenError
from contracts.vocabulary import Lane

from .extractors import Device, Extractor
from .settings import AnalysisSettings
from .shared import OF_SPECTRA


class Schedule:
    """The slots of one worker; those of the GPU count once it was found, and `has_gpu` is set.

    A long recording that came by the interactive lane is worked on in the slots of the bulk lane, in turn with what
    came by that: the interactive slots are for what ends soon. As many of them as the bulk lane has slots are kept
    here, working or waiting; the others are sent back, so that they never fill what the lane takes from its queue.
    A process without slots of the bulk lane sends them all on to that lane's queue.
    """

    def __init__(self, settings: AnalysisSettings) -> None:
        self._settings = settings
        self._long_places = settings.slots[Lane.BULK]
        self._lanes = {lane: asyncio.Semaphore(slots) for lane, slots in settings.slots.items()}
        self._transfers = asyncio.Semaphore(settings.io_slots)
        self._gpus = asyncio.Semaphore(settings.gpu_slots)
        self.has_gpu = False

    @asynccontextmanager
    async def turn(self, lane: Lane, duration_s: float | None) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises `SlotsTakenError` where too many long recordings are here already."""
        if lane is Lane.BULK or not self._is_long(duration_s):
            async with self._lanes[self._settings.lane_here(lane)]:
                yield
            return
        if not self._long_places:
            raise SlotsTakenError(None if Lane.BULK in self._settings.lanes else Lane.BULK)
        self._long_places -= 1
        try:
            async with self._lanes[Lane.BULK]:
                yield
        finally:
            self._long_places += 1

    def transfer(self) -> AbstractAsyncContextManager[object]:
        """Wait for a slot for moving objects, and hold it."""
        return self._transfers

    @asynccontextmanager
    async def gpu(self, extractors: Collection[Extractor]) -> AsyncIterator[bool]:
        """Hold a slot of the GPU where there is one and these extractors can use it; tell whether there is.

        Extractors that compute there themselves wait for a slot. Spectra do not, because a core does them as well: a
        short recording shall not wait behind a long one.
        """
        waits = any(extractor.device == Device.GPU for extractor in extractors)
        takes = any(extractor.needs in OF_SPECTRA for extractor in extractors) and not self._gpus.locked()
        if not self.has_gpu or not (waits or takes):
            yield False
            return
        async with self._gpus:
            yield True

    def _is_long(self, duration_s: float | None) -> bool:
        # What does not say how long it is may be of any length.
        return duration_s is None or duration_s >= self._settings.long_from_s


def taken_at_once(settings: AnalysisSettings) -> dict[Lane, int]:
    """Return how many messages of each lane are taken from its queue: what has a slot, or waits for one here."""
    waiting = {Lane.INTERACTIVE: settings.slots[Lane.BULK], Lane.BULK: 0}
    return {lane: settings.slots[lane] + waiting[lane] for lane in settings.lanes}
