"""What the spectrogram service makes while a reader waits; the gateway is the only one who asks."""

from litestar import Response, post

from contracts.drawing import DRAWINGS_PATH, ClipRequest, FigureRequest, RegionRequest, TileRequest

from .drawing import DrawingDesk


@post(f"{DRAWINGS_PATH}/figures", status_code=200)
async def draw_figure(data: FigureRequest, desk: DrawingDesk) -> Response[bytes]:
    """Return an image with axes."""
    return Response(await desk.figure(data), media_type="image/png")


@post(f"{DRAWINGS_PATH}/regions", status_code=200)
async def draw_region(data: RegionRequest, desk: DrawingDesk) -> Response[bytes]:
    """Return a part of a recording in its own resolution."""
    return Response(await desk.region(data), media_type="image/png")


@post(f"{DRAWINGS_PATH}/tiles", status_code=200)
async def draw_tile(data: TileRequest, desk: DrawingDesk) -> Response[bytes]:
    """Return a tile of a zoom level that was not stored."""
    return Response(await desk.tile(data), media_type="image/png")


@post(f"{DRAWINGS_PATH}/clips", status_code=200)
async def cut_clip(data: ClipRequest, desk: DrawingDesk) -> Response[bytes]:
    """Return a part of a recording as WAV."""
    return Response(await desk.clip(data), media_type="audio/wav")
