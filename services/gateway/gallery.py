"""Images: those that are there, those to be rendered first, and those drawn around for a reader."""

import json
from typing import Any

import httpx

from chassis.errors import TransientError
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import AudioFacts, SpectrogramDocument, StoredImage
from contracts.drawing import DRAWINGS_PATH, Clip, ClipRequest, FigureRequest, Region, RegionRequest, TileRequest
from contracts.palettes import palette
from contracts.recolour import TEXT_KEY, recoloured, text_of
from contracts.rendering import ENGINE_VERSION, PaletteName, RenderParameters
from contracts.tiles import StoredTiles
from contracts.vocabulary import TOKEN_HEADER

from .colouring import COLOURS_ALONE, Colouring, Shown, best_shown
from .passing import passed_on
from .reads import Found, Reads
from .renderings import RenderRequests


class DrawingUnavailableError(TransientError):
    """The spectrogram service did not draw."""

    code = "drawing_unavailable"


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
        self, found: Found, parameters: RenderParameters, *, ask: bool = True, exact: bool = False
    ) -> Shown:
        """Return what shows `parameters`: what was drawn with them, or drawn alike and coloured anew.

        Where nothing does and nobody began on them, the wish is passed on.
        """
        if parameters == found.rendering:
            return Shown(found.spectrogram)
        task = await self._reads.spectrogram(found.recording, parameters.parameters_id)
        if task is not None and task.images:
            return Shown(task)
        coloured = best_shown(await self._akin(found, parameters), parameters, exact=exact)
        if coloured is not None:
            return coloured
        if task is None and ask:
            await self._requests.ask(found.recording, parameters)
        return Shown(task)

    async def png(self, image: StoredImage, colouring: Colouring | None, *, axes: bool) -> bytes:
        """Return an image's bytes, in its colours, with axes where they are wished for."""
        if axes:
            colours = colouring.colours.hex() if colouring is not None else None
            request = FigureRequest(image_key=image.key, geometry=image.geometry, colours=colours)
            return await self._drawn("figures", request.model_dump_json())
        png = await self._objects.get(image.key)
        if colouring is None:
            return png
        notes = json.dumps({**image.geometry, "engine": ENGINE_VERSION}, separators=(",", ":"))
        return recoloured(png, colouring.colours, {TEXT_KEY: notes})

    async def geometry(self, shown: SpectrogramDocument) -> dict[str, Any]:
        """Return the sidecar of the images, telling what is shown where colours are new."""
        sidecar: dict[str, Any] = json.loads(await self._objects.get(str(shown.geometry_key)))
        for name, image in shown.images.items():
            sidecar["images"][name].update(image.geometry)
        return {**sidecar, "parameters": shown.parameters}

    async def region(self, request: RegionRequest, colours: PaletteName) -> bytes:
        """Return a part of a recording in its own resolution, drawn once for all colours."""
        gray = await self._drawn("regions", request.model_dump_json())
        notes = {**json.loads(text_of(gray, TEXT_KEY)), "palette": colours}
        return recoloured(gray, palette(colours), {TEXT_KEY: json.dumps(notes, separators=(",", ":"))})

    async def clip(self, found: Found, start_s: float, end_s: float) -> bytes:
        """Return a part of a recording as WAV."""
        request = ClipRequest(
            recording_id=found.recording.id,
            container=_audio(found).container,
            size_bytes=found.recording.size_bytes,
            clip=Clip(start_s, end_s),
            duration_s=found.spectrogram.duration_decoded_s if found.spectrogram is not None else None,
        )
        return await self._drawn("clips", request.model_dump_json())

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

    async def _akin(self, found: Found, parameters: RenderParameters) -> list[SpectrogramDocument]:
        return await self._reads.akin(found.recording, parameters, COLOURS_ALONE)

    async def _drawn(self, what: str, body: str) -> bytes:
        headers = {TOKEN_HEADER: self._token, "Content-Type": "application/json"}
        try:
            answer = await self._client.post(f"{DRAWINGS_PATH}/{what}", content=body, headers=headers)
        except httpx.HTTPError as error:
            raise DrawingUnavailableError(repr(error)) from error
        if answer.is_success:
            return answer.content
        raise passed_on(answer, DrawingUnavailableError)


def region_request(found: Found, parameters: RenderParameters, region: Region) -> RegionRequest:
    """Return what is to be drawn, in gray, on the scale of the recording's own images once those are there."""
    return RegionRequest(
        recording_id=found.recording.id,
        container=_audio(found).container,
        size_bytes=found.recording.size_bytes,
        parameters=parameters.model_copy(update={"palette": "gray"}),
        region=region,
        reference_dbfs=_loudest_dbfs(found.spectrogram),
        duration_s=found.spectrogram.duration_decoded_s if found.spectrogram is not None else None,
    )


def _audio(found: Found) -> AudioFacts:
    if found.recording.audio is None:
        fault = found.recording.error
        raise ProblemError(409, fault.code if fault else "not_found", "This recording has no audio to draw.")
    return found.recording.audio


def _loudest_dbfs(own: SpectrogramDocument | None) -> float | None:
    # A full-scale sine has the same level whatever the window is, so this holds for other parameters as well.
    if own is None or own.reference_dbfs is not None:
        return own.reference_dbfs if own is not None else None
    return own.tiles.reference_dbfs if own.tiles is not None else None
