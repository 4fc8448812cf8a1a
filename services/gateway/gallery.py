"""Images: those that are there, those to be rendered first, and those drawn around for a reader."""

from dataclasses import asdict, dataclass

import httpx

from chassis.errors import TransientError
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import AudioFacts, SpectrogramDocument, StoredImage
from contracts.drawing import DRAWINGS_PATH, FigureRequest, RegionRequest, TileRequest
from contracts.rendering import RenderParameters
from contracts.tiles import StoredTiles
from contracts.vocabulary import TOKEN_HEADER

from .passing import passed_on
from .reads import Found, Reads
from .renderings import RenderRequests

_AS_UPLOADED = RenderParameters()


class DrawingUnavailableError(TransientError):
    """The spectrogram service did not draw."""

    code = "drawing_unavailable"


@dataclass(frozen=True)
class WantedRegion:
    """Which part of a recording, and in how many pixels."""

    start_s: float
    end_s: float
    width: int
    height: int


class Gallery:
    """Where readers get images from."""

    def __init__(
        self, reads: Reads, requests: RenderRequests, objects: ObjectStore, client: httpx.AsyncClient, token: str
    ) -> None:
        self._reads = reads
        self._requests = requests
        self._objects = objects
        self._client = client
        self._token = token

    async def rendering(
        self, found: Found, parameters: RenderParameters, *, ask: bool = True
    ) -> SpectrogramDocument | None:
        """Return what came of `parameters`; where nobody began on them, pass the wish on and return None."""
        if parameters == _AS_UPLOADED:
            return found.spectrogram
        task = await self._reads.spectrogram(found.recording, parameters.parameters_id)
        if task is None and ask:
            await self._requests.ask(found.recording, parameters)
        return task

    async def png(self, image: StoredImage, *, axes: bool) -> bytes:
        """Return an image's bytes, with axes where they are wished for."""
        if not axes:
            return await self._objects.get(image.key)
        request = FigureRequest(image_key=image.key, geometry=image.geometry)
        return await self._drawn("figures", request.model_dump_json())

    async def region(self, found: Found, parameters: RenderParameters, wanted: WantedRegion) -> bytes:
        """Return a part of a recording in its own resolution, on the scale of the whole where that is there."""
        audio = _audio(found)
        whole = await self.rendering(found, parameters, ask=False)
        request = RegionRequest(
            recording_id=found.recording.id,
            container=audio.container,
            size_bytes=found.recording.size_bytes,
            parameters=parameters,
            f_min_hz=parameters.f_min_hz,
            f_max_hz=parameters.f_max_hz or audio.rate_hz / 2,
            reference_dbfs=whole.reference_dbfs if whole is not None else None,
            **asdict(wanted),
        )
        return await self._drawn("regions", request.model_dump_json())

    async def tile(self, found: Found, stored: StoredTiles, parameters: RenderParameters, level: int, x: int) -> bytes:
        """Return a tile in gray: by one ranged read where it is stored, else drawn from its part of the recording.

        Raises `IndexError` where there is no such tile.
        """
        place = stored.byte_range(level, x)
        if place is not None:
            return await self._objects.get_range(stored.key, *place)
        request = TileRequest(
            recording_id=found.recording.id,
            container=_audio(found).container,
            size_bytes=found.recording.size_bytes,
            parameters=parameters,
            grid=stored.grid,
            level=level,
            x=x,
        )
        return await self._drawn("tiles", request.model_dump_json())

    async def _drawn(self, what: str, body: str) -> bytes:
        headers = {TOKEN_HEADER: self._token, "Content-Type": "application/json"}
        try:
            answer = await self._client.post(f"{DRAWINGS_PATH}/{what}", content=body, headers=headers)
        except httpx.HTTPError as error:
            raise DrawingUnavailableError(repr(error)) from error
        if answer.is_success:
            return answer.content
        raise passed_on(answer.json())


def _audio(found: Found) -> AudioFacts:
    if found.recording.audio is None:
        fault = found.recording.error
        raise ProblemError(409, fault.code if fault else "not_found", "This recording has no audio to draw.")
    return found.recording.audio
