"""A first look beside the work: drawn, stored and announced while the images are still being made."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from audio.format import AudioLimits
from chassis.documents import PyMongoError
from chassis.errors import DawnchorusError
from chassis.ranged import RemoteObject
from chassis.tracing import span
from chassis.workbench import Workbench
from contracts.documents import StoredFirstLook
from contracts.events import RecordingUploaded, SpectrogramPreviewed
from contracts.objects import first_look_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane

from .first_look import SHORTEST_S, FirstLook
from .job import look_at, look_from_afar
from .summaries import image_summary, stored_image

log = structlog.get_logger()

NAME = "first-look"
TIMEOUT_S = 15.0
# Looks taken at once, in a child of their own; who would wait for longer than the images take has none.
LOOK_SLOTS = 1


@dataclass(frozen=True)
class Preview:
    """What a first look at one recording needs."""

    event: RecordingUploaded
    bench: Workbench
    parameters: RenderParameters
    limits: AudioLimits
    slot: asyncio.Semaphore

    @property
    def is_wanted(self) -> bool:
        """Tell whether somebody waits, and longer than for a moment."""
        duration_s = self.event.duration_claimed_s
        return self.event.lane is Lane.INTERACTIVE and (duration_s is None or duration_s >= SHORTEST_S)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator["asyncio.Future[Path | RemoteObject]"]:
        """Show a first look while the block works; the block says by the future where the audio object is.

        No look fails the block, and the block waits for none: one that is not there by its end is dropped.
        """
        found: asyncio.Future[Path | RemoteObject] = asyncio.get_running_loop().create_future()
        if not self.is_wanted:
            yield found
            return
        showing = asyncio.create_task(self._show(found))
        try:
            yield found
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show(self, found: "asyncio.Future[Path | RemoteObject]") -> None:
        started = time.monotonic()
        try:
            with span("spectrogram first look"):
                look = await self._draw(found)
                if look is None or not await self._announce(look):
                    return
        except (DawnchorusError, PyMongoError) as error:
            log.warning("first_look_skipped", reason=str(error) or repr(error))
            return
        except Exception:
            # A defect of ours: told to the operators, but the images have nothing to do with it.
            log.exception("first_look_crashed")
            return
        self.bench.timings_s["first_look"] = round(time.monotonic() - started, 4)

    async def _draw(self, found: "asyncio.Future[Path | RemoteObject]") -> FirstLook | None:
        source = await found
        await self.slot.acquire()
        job = asyncio.create_task(self._look_at(source))
        job.add_done_callback(self._leave)
        # Cancelling the job would kill its child, and the next one would take seconds to get warm.
        return await asyncio.shield(job)

    async def _look_at(self, source: Path | RemoteObject) -> FirstLook | None:
        pool = self.bench.equipment.pools[self.event.lane]
        how = (self.event.container, self.limits, self.parameters)
        if isinstance(source, RemoteObject):
            return await pool.run(look_from_afar, source.url, source.size_bytes, *how, timeout_s=TIMEOUT_S)
        return await pool.run(look_at, source, *how, timeout_s=TIMEOUT_S)

    def _leave(self, job: "asyncio.Task[FirstLook | None]") -> None:
        self.slot.release()
        if not job.cancelled():
            # Where nobody waits any more its copy is gone, and so is the interest in what it says of that.
            job.exception()

    async def _announce(self, look: FirstLook) -> bool:
        """Store the image, then the pointer to it with its event; False when somebody else has, or has taken over."""
        parameters_id = self.parameters.parameters_id
        key = first_look_key(self.event.recording_id, parameters_id)
        await self.bench.equipment.objects.put(key, look.png, "image/png")
        found = StoredFirstLook(**stored_image(key, look).model_dump(), approximate=look.approximate)
        event = SpectrogramPreviewed(
            **self.event.subject_facts(), parameters_id=parameters_id, image=image_summary(NAME, look)
        )
        return await self.bench.amend({"first_look": found.model_dump()}, event)
