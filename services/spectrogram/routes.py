"""What the spectrogram service draws while a reader waits; the gateway is the only one who asks."""

import hmac
from typing import Annotated

from litestar import Response, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import HeaderParameter

from contracts.drawing import DRAWINGS_PATH, TOKEN_HEADER, FigureRequest

from .drawing import DrawingDesk


@post(f"{DRAWINGS_PATH}/figures", status_code=200)
async def draw_figure(
    data: FigureRequest,
    desk: DrawingDesk,
    internal_token: str,
    token: Annotated[str, HeaderParameter(name=TOKEN_HEADER)],
) -> Response[bytes]:
    """Return an image with axes."""
    if not hmac.compare_digest(token, internal_token):
        raise NotAuthorizedException
    return Response(await desk.figure(data), media_type="image/png")
