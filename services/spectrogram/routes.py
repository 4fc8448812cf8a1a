"""What the spectrogram service draws while a reader waits; the gateway is the only one who asks."""

import hmac
from typing import Annotated

from litestar import Response, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import HeaderParameter

from contracts.drawing import DRAWINGS_PATH, FigureRequest, RegionRequest, TileRequest
from contracts.vocabulary import TOKEN_HEADER

from .drawing import DrawingDesk


@post(f"{DRAWINGS_PATH}/figures", status_code=200)
async def draw_figure(
    data: FigureRequest,
    desk: DrawingDesk,
    internal_token: str,
    token: Annotated[str, HeaderParameter(name=TOKEN_HEADER)],
) -> Response[bytes]:
    """Return an image with axes."""
    _check(token, internal_token)
    return Response(await desk.figure(data), media_type="image/png")


@post(f"{DRAWINGS_PATH}/regions", status_code=200)
async def draw_region(
    data: RegionRequest,
    desk: DrawingDesk,
    internal_token: str,
    token: Annotated[str, HeaderParameter(name=TOKEN_HEADER)],
) -> Response[bytes]:
    """Return a part of a recording in its own resolution."""
    _check(token, internal_token)
    return Response(await desk.region(data), media_type="image/png")


@post(f"{DRAWINGS_PATH}/tiles", status_code=200)
async def draw_tile(
    data: TileRequest,
    desk: DrawingDesk,
    internal_token: str,
    token: Annotated[str, HeaderParameter(name=TOKEN_HEADER)],
) -> Response[bytes]:
    """Return a tile of a zoom level that was not stored."""
    _check(token, internal_token)
    return Response(await desk.tile(data), media_type="image/png")


def _check(token: str, internal_token: str) -> None:
    if not hmac.compare_digest(token, internal_token):
        raise NotAuthorizedException
