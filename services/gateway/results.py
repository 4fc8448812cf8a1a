"""Routes of results: images and manifests, and honest answers while there are none."""

from enum import StrEnum
from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get
from litestar.params import QueryParameter

from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from chassis.tracing import trace_id
from contracts.documents import StoredImage, TaskDocument
from contracts.rendering import RenderParameters
from contracts.vocabulary import State

from .gallery import Gallery, WantedRegion
from .keys import Caller
from .reads import Found, Reads
from .reruns import AnalysisStatus, analysis_status
from .views import SpectrogramView, TaskView, analysis_view, spectrogram_view

RETRY_AFTER_S = 2


class Resolution(StrEnum):
    """How large an image is wanted."""

    THUMBNAIL = "thumbnail"
    STANDARD = "standard"
    FULL = "full"


class PeaksForm(StrEnum):
    """How peaks are written."""

    JSON = "json"
    DAT = "dat"


class ResultController(Controller):
    """What clients fetch."""

    path = "/recordings/{recording_id:str}"
    tags = ("results",)

    @get("/spectrogram", operation_id="getSpectrogram", media_type="image/png")
    async def image(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        rendering: RenderParameters,
        recording_id: str,
        resolution: Resolution = Resolution.STANDARD,
        *,
        axes: bool = False,
    ) -> Response[Any]:
        """Return the PNG; 202 and the status while it is not there, 409 where it failed.

        Any parameters that were not asked for before are rendered now, once, whoever asks.
        """
        found = await reads.recording(request.user, recording_id)
        task = await gallery.rendering(found, rendering)
        image = task.images.get(resolution) if task else None
        if task is None or image is None:
            return _not_there(found, task, spectrogram_view(found.recording, task))
        tag = _entity_tag(task, image, axes=axes)
        headers = {"ETag": tag, "Cache-Control": "private, max-age=60"}
        if request.headers.get("if-none-match") == tag:
            return Response(b"", status_code=304, headers=headers)
        return Response(await gallery.png(image, axes=axes), media_type="image/png", headers=headers)

    @get("/spectrogram/status", operation_id="getSpectrogramStatus")
    async def image_status(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        rendering: RenderParameters,
        recording_id: str,
    ) -> SpectrogramView:
        """Say which resolutions exist, and where the task stands; nothing is rendered for asking."""
        found = await reads.recording(request.user, recording_id)
        return spectrogram_view(found.recording, await gallery.rendering(found, rendering, ask=False))

    @get("/spectrogram/region", operation_id="getSpectrogramRegion", media_type="image/png")
    async def region(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        rendering: RenderParameters,
        recording_id: str,
        start_s: Annotated[float, QueryParameter(ge=0)],
        end_s: Annotated[float, QueryParameter(gt=0)],
        width: Annotated[int, QueryParameter(ge=1, le=6400)] = 1600,
        height: Annotated[int, QueryParameter(ge=1, le=1200)] = 400,
    ) -> Response[bytes]:
        """Return a part of the recording in its own resolution, between `f_min_hz` and `f_max_hz`."""
        found = await reads.recording(request.user, recording_id)
        png = await gallery.region(found, rendering, WantedRegion(start_s, end_s, width, height))
        return Response(png, media_type="image/png")

    @get("/waveform", operation_id="getWaveform", media_type="image/png")
    async def waveform(
        self, request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str
    ) -> Response[Any]:
        """Return the outline as a PNG: lowest and highest sample of each column, and the RMS inside."""
        found = await reads.recording(request.user, recording_id)
        if found.spectrogram is None or found.spectrogram.waveform is None:
            return _not_there(found, found.spectrogram, spectrogram_view(found.recording, found.spectrogram))
        return Response(await objects.get(found.spectrogram.waveform.key), media_type="image/png")

    @get("/waveform/peaks", operation_id="getPeaks")
    async def peaks(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        objects: ObjectStore,
        recording_id: str,
        zoom: Annotated[int, QueryParameter(ge=0, le=31)] = 0,
        form: PeaksForm = PeaksForm.JSON,
    ) -> Response[Any]:
        """Return the outline in audiowaveform's data format, zoom 0 the finest; 404 beyond the coarsest."""
        found = await reads.recording(request.user, recording_id)
        task = found.spectrogram
        if task is None or not task.zooms:
            return _not_there(found, task, spectrogram_view(found.recording, task))
        if zoom >= len(task.zooms):
            raise ProblemError(404, "not_found", f"There are {len(task.zooms)} zooms, from 0.")
        stored = task.zooms[zoom]
        if form is PeaksForm.DAT:
            return Response(await objects.get(stored.dat_key), media_type="application/octet-stream")
        return Response(await objects.get(stored.json_key), media_type=MediaType.JSON)

    @get("/analysis", operation_id="getAnalysis", media_type=MediaType.JSON)
    async def manifest(
        self, request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str
    ) -> Response[Any]:
        """Return the manifest; 202 and the status while it is not there, 409 where the analysis failed."""
        found = await reads.recording(request.user, recording_id)
        if found.analysis is None or found.analysis.manifest_key is None:
            return _not_there(found, found.analysis, analysis_view(found.recording, found.analysis))
        return Response(await objects.get(found.analysis.manifest_key), media_type=MediaType.JSON)

    @get("/analysis/status", operation_id="getAnalysisStatus")
    async def manifest_status(
        self, request: Request[Caller, Any, Any], reads: Reads, recording_id: str
    ) -> AnalysisStatus:
        """Say where the analysis stands, which results another version would compute now, and what was asked last."""
        found = await reads.recording(request.user, recording_id)
        return analysis_status(found, await reads.rerun(found.recording), await reads.extractors())


def _not_there(found: Found, task: TaskDocument | None, status: TaskView) -> Response[Any]:
    fault = found.recording.error or (task.error if task is not None else None)
    if status.status in (State.QUEUED, State.PROCESSING):
        body = {**status.model_dump(mode="json"), "trace_id": trace_id()}
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return Response(body, status_code=202, media_type=MediaType.JSON, headers=headers)
    if fault is not None:
        raise ProblemError(409, fault.code, fault.sentence, next_step=fault.next_step)
    raise ProblemError(404, "not_found", "This recording has no such result.")


def _entity_tag(task: TaskDocument, image: StoredImage, *, axes: bool) -> str:
    return f'"{task.parameters_id}-{task.fence}-{image.size_bytes}{"-axes" if axes else ""}"'
