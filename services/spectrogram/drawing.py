"""Pictures that are made while a reader waits: in the job pool like everything that computes."""

from collections.abc import Callable

from audio.format import AudioLimits
from chassis.errors import ObjectMissingError
from chassis.work import Equipment
from contracts.drawing import FigureRequest, RegionRequest, TileRequest
from contracts.objects import audio_key, region_key, tile_key
from contracts.recolour import recoloured
from contracts.vocabulary import Lane

from .axes import with_axes
from .geometry import Geometry
from .job import draw_region, draw_tile

URL_LIFETIME_S = 300


class DrawingDesk:
    """Draws in a slot of its own, so that readers do not wait for recordings."""

    def __init__(self, equipment: Equipment, limits: AudioLimits, timeout_s: float) -> None:
        self._equipment = equipment
        self._pool = equipment.pools[Lane.INTERACTIVE]
        self._limits = limits
        self._timeout_s = timeout_s

    async def figure(self, request: FigureRequest) -> bytes:
        """Return an image of ours with axes around it."""
        png = await self._equipment.objects.get(request.image_key)
        if request.colours is not None:
            png = recoloured(png, bytes.fromhex(request.colours))
        geometry = Geometry(**request.geometry)
        return await self._pool.run(with_axes, png, geometry, timeout_s=self._timeout_s)

    async def region(self, request: RegionRequest) -> bytes:
        """Return a part of a recording, drawn now unless somebody asked for it before."""
        key = region_key(request.recording_id, request.region_id)
        return await self._drawn_once(key, request.recording_id, draw_region, request)

    async def tile(self, request: TileRequest) -> bytes:
        """Return a tile, in gray, drawn now unless somebody looked at it before."""
        key = tile_key(request.recording_id, request.parameters.parameters_id, request.level, request.x)
        return await self._drawn_once(key, request.recording_id, draw_tile, request)

    async def _drawn_once(self, key: str, recording_id: str, draw: Callable[..., bytes], request: object) -> bytes:
        objects = self._equipment.objects
        try:
            return await objects.get(key)
        except ObjectMissingError:
            url = await objects.presigned_url(audio_key(recording_id), URL_LIFETIME_S)
        png = await self._pool.run(draw, url, request, self._limits, timeout_s=self._timeout_s)
        await objects.put(key, png, "image/png")
        return png
