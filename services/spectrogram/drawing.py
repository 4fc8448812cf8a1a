"""Pictures, and clips, that are made while a reader waits: in the job pool like everything that computes."""

import asyncio
from collections.abc import Awaitable, Callable

from audio.format import AudioLimits
from chassis.errors import ObjectMissingError
from chassis.workbench import Equipment
from contracts.drawing import ClipRequest, FigureRequest, RegionRequest, TileRequest
from contracts.objects import audio_key, figure_key, region_key, tile_key
from contracts.recolour import recoloured
from contracts.vocabulary import Lane

from .axes import with_axes
from .geometry import Geometry
from .job import draw_region, draw_tile, make_clip
from .reader_slots import ReaderSlots

URL_LIFETIME_S = 300


class DrawingDesk:
    """Draws in slots of its own, so that neither readers nor recordings wait for the other.

    What several readers want at the same time is drawn once. Raises a problem, 503, where too many wait.
    """

    def __init__(
        self, equipment: Equipment, limits: AudioLimits, slots: ReaderSlots, timeout_s: float, clip_max_s: float = 60
    ) -> None:
        self._equipment = equipment
        self._pool = equipment.pools[Lane.INTERACTIVE]
        self._limits = limits
        self._slots = slots
        self._timeout_s = timeout_s
        self._clip_max_s = clip_max_s
        self._begun: dict[str, asyncio.Task[bytes]] = {}

    async def figure(self, request: FigureRequest) -> bytes:
        """Return an image of ours with axes around it, drawn now unless somebody asked for it before."""

        async def draw() -> bytes:
            png = await self._equipment.objects.get(request.image_key)
            if request.colours is not None:
                png = recoloured(png, bytes.fromhex(request.colours))
            return await self._in_turn(with_axes, png, Geometry(**request.geometry))

        return await self._drawn_once(figure_key(request.image_key, request.figure_id), draw)

    async def region(self, request: RegionRequest) -> bytes:
        """Return a part of a recording, drawn now unless somebody asked for it before."""
        key = region_key(request.recording_id, request.region_id)
        return await self._drawn_once(key, lambda: self._from_audio(draw_region, request))

    async def tile(self, request: TileRequest) -> bytes:
        """Return a tile, in gray, drawn now unless somebody looked at it before."""
        key = tile_key(request.recording_id, request.parameters.parameters_id, request.level, request.x)
        return await self._drawn_once(key, lambda: self._from_audio(draw_tile, request))

    async def clip(self, request: ClipRequest) -> bytes:
        """Return a part of a recording as WAV; it is made anew for everyone who asks."""
        url = await self._equipment.objects.presigned_url(audio_key(request.recording_id), URL_LIFETIME_S)
        return await self._in_turn(make_clip, url, request, self._limits, self._clip_max_s)

    async def _drawn_once(self, key: str, draw: Callable[[], Awaitable[bytes]]) -> bytes:
        task = self._begun.get(key)
        if task is None:
            task = self._begun[key] = asyncio.create_task(self._stored(key, draw))
            task.add_done_callback(lambda _: self._begun.pop(key))
        # A reader who goes away leaves the drawing to the others.
        return await asyncio.shield(task)

    async def _stored(self, key: str, draw: Callable[[], Awaitable[bytes]]) -> bytes:
        objects = self._equipment.objects
        try:
            return await objects.get(key)
        except ObjectMissingError:
            png = await draw()
        await objects.put(key, png, "image/png")
        return png

    async def _from_audio(self, draw: Callable[..., bytes], request: RegionRequest | TileRequest) -> bytes:
        url = await self._equipment.objects.presigned_url(audio_key(request.recording_id), URL_LIFETIME_S)
        return await self._in_turn(draw, url, request, self._limits)

    async def _in_turn(self, draw: Callable[..., bytes], *arguments: object) -> bytes:
        async with self._slots.turn():
            return await self._pool.run(draw, *arguments, timeout_s=self._timeout_s)
