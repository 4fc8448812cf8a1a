"""Pictures that are made while a reader waits: in the job pool like everything that computes."""

from chassis.work import Equipment
from contracts.drawing import FigureRequest

from .axes import with_axes
from .geometry import Geometry


class DrawingDesk:
    """Draws in a slot of its own, so that readers do not wait for recordings."""

    def __init__(self, equipment: Equipment, timeout_s: float) -> None:
        self._equipment = equipment
        self._timeout_s = timeout_s

    async def figure(self, request: FigureRequest) -> bytes:
        """Return an image of ours with axes around it."""
        png = await self._equipment.objects.get(request.image_key)
        geometry = Geometry(**request.geometry)
        return await self._equipment.pool.run(with_axes, png, geometry, timeout_s=self._timeout_s)
