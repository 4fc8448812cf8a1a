"""What the gateway asks of the spectrogram service while a reader waits; over HTTP, between services only."""

from typing import Any

from pydantic import Field

from .vocabulary import ContractModel

DRAWINGS_PATH = "/drawings"
TOKEN_HEADER = "X-Internal-Token"  # noqa: S105 (the header's name)


class FigureRequest(ContractModel):
    """An image of ours with axes around it."""

    image_key: str
    geometry: dict[str, Any] = Field(description="As in the document of the image.")
