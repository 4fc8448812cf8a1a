"""Pictures that are made while a reader waits: in the job pool like everything that computes."""

from audio.format import AudioLimits
from chassis.errors import ObjectMissingError
from chassis.work import Equipment
from contracts.drawing import FigureRequest, RegionRequest
from contracts.objects import audio_key, region_key

from .axes import with_axes
from .geometry import Geometry
from .job import draw_region

URL_LIFETIME_S = 300


class DrawingDesk:
    """Draws in a slot of its own, so that readers do not wait for recordings."""

    def __init__(self, equipment: Equipment, limits: AudioLimits, timeout_s: float) -> None:
        self._equipment = equipment
        self._limits = limits
        self._timeout_s = timeout_s

    async def figure(self, request: FigureRequest) -> bytes:
        """Return an image of ours with axes around it."""
        png = await self._equipment.objects.get(request.image_key)
        geometry = Geometry(**request.geometry)
        return await self._equipment.pool.run(with_axes, png, geometry, timeout_s=self._timeout_s)

    async def region(self, request: RegionRequest) -> bytes:
        """Return a part of a recording, drawn now unless somebody asked for it before."""
        objects = self._equipment.objects
        key = region_key(request.recording_id, request.region_id)
        try:
            return await objects.get(key)
        except ObjectMissingError:
            url = await objects.presigned_url(audio_key(request.recording_id), URL_LIFETIME_S)
        png = await self._equipment.pool.run(draw_region, url, request, self._limits, timeout_s=self._timeout_s)
        await objects.put(key, png, "image/png")
        return png
