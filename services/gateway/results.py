"""Routes of results: images and manifests, and honest answers while there are none."""

import hashlib
from enum import StrEnum
from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get
from litestar.params import QueryParameter

from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import StoredImage, StoredPeaks, TaskDocument
from contracts.rendering import RenderParameters

from .absent import not_there
from .colouring import Colouring
from .gallery import Gallery, WantedRegion
from .keys import Caller
from .progress import ProgressBoard
from .reads import Reads
from .reruns import AnalysisStatus, analysis_status
from .views import SpectrogramView, analysis_view, shown_first_look, spectrogram_view

# What is there stays as it is until it is rendered anew.
CACHED = {"Cache-Control": "private, max-age=60"}


class Resolution(StrEnum):
    """How large an image is wanted."""

    THUMBNAIL = "thumbnail"
    STANDARD = "standard"
    FULL = "full"


class PeaksForm(StrEnum):
    """How peaks are written."""

    JSON = "json"
    DAT = "dat"
    RMS_DAT = "rms.dat"


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
        exact: bool = False,
    ) -> Response[Any]:
        """Return the PNG; 202 and the status while it is not there, 409 where it failed.

        Any parameters that were not asked for before are rendered now, once, whoever asks. Another palette, and a
        narrower range of levels, are put into an image that is there; where colours are then fewer, the header
        `Dawnchorus-Step-Db` says how far apart. `exact` has the image rendered instead, and so have axes.
        """
        found = await reads.recording(request.user, recording_id)
        shown = await gallery.rendering(found, rendering, exact=exact or axes)
        task, image = shown.document, shown.image(resolution)
        if task is None or image is None:
            return not_there(found, task, spectrogram_view(found.recording, task))
        headers = {"ETag": _entity_tag(task, image, shown.colouring, axes=axes), **CACHED}
        if shown.step_db:
            headers["Dawnchorus-Step-Db"] = f"{shown.step_db:.4g}"
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(b"", status_code=304, headers=headers)
        png = await gallery.png(image, shown.colouring, axes=axes)
        return Response(png, media_type="image/png", headers=headers)

    @get("/spectrogram/status", operation_id="getSpectrogramStatus")
    async def image_status(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        progress: ProgressBoard,
        rendering: RenderParameters,
        recording_id: str,
    ) -> SpectrogramView:
        """Say which resolutions exist, and where the task stands; nothing is rendered for asking."""
        found = await reads.recording(request.user, recording_id)
        shown = await gallery.rendering(found, rendering, ask=False)
        return spectrogram_view(found.recording, shown.document, progress.of)

    @get("/spectrogram/first-look", operation_id="getFirstLook", media_type="image/png")
    async def first_look(
        self, request: Request[Caller, Any, Any], reads: Reads, gallery: Gallery, recording_id: str
    ) -> Response[Any]:
        """Return the best small image there is by now: approximate while the images are being made, then the thumbnail.

        The header `Dawnchorus-Approximate` says which it is.
        """
        found = await reads.recording(request.user, recording_id)
        look = shown_first_look(found.spectrogram)
        thumbnail = found.spectrogram.images.get(Resolution.THUMBNAIL) if found.spectrogram else None
        shown = thumbnail or look
        if shown is None:
            return not_there(found, found.spectrogram, spectrogram_view(found.recording, found.spectrogram))
        headers = {"Cache-Control": "no-store", "Dawnchorus-Approximate": str(thumbnail is None).lower()}
        return Response(await gallery.png(shown, None, axes=False), media_type="image/png", headers=headers)

    @get("/spectrogram/geometry", operation_id="getSpectrogramGeometry", media_type=MediaType.JSON)
    async def geometry(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        rendering: RenderParameters,
        recording_id: str,
    ) -> Response[Any]:
        """Return what turns the images' pixels into seconds, hertz and decibels; nothing is rendered for asking."""
        found = await reads.recording(request.user, recording_id)
        shown = await gallery.rendering(found, rendering, ask=False)
        if shown.document is None or shown.document.geometry_key is None:
            return not_there(found, shown.task, spectrogram_view(found.recording, shown.document))
        return Response(await gallery.geometry(shown.document), headers=CACHED)

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
            return not_there(found, found.spectrogram, spectrogram_view(found.recording, found.spectrogram))
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
            return not_there(found, task, spectrogram_view(found.recording, task))
        if zoom >= len(task.zooms):
            raise ProblemError(404, "not_found", f"There are {len(task.zooms)} zooms, from 0.")
        key = _peaks_key(task.zooms[zoom], form)
        media_type = MediaType.JSON if form is PeaksForm.JSON else "application/octet-stream"
        return Response(await objects.get(key), media_type=media_type)

    @get("/analysis", operation_id="getAnalysis", media_type=MediaType.JSON)
    async def manifest(
        self, request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str
    ) -> Response[Any]:
        """Return the manifest; 202 and the status while it is not there, 409 where the analysis failed."""
        found = await reads.recording(request.user, recording_id)
        if found.analysis is None or found.analysis.manifest_key is None:
            return not_there(found, found.analysis, analysis_view(found.recording, found.analysis))
        return Response(await objects.get(found.analysis.manifest_key), media_type=MediaType.JSON)

    @get("/analysis/status", operation_id="getAnalysisStatus")
    async def manifest_status(
        self, request: Request[Caller, Any, Any], reads: Reads, progress: ProgressBoard, recording_id: str
    ) -> AnalysisStatus:
        """Say where the analysis stands, which results another version would compute now, and what was asked last."""
        found = await reads.recording(request.user, recording_id)
        return analysis_status(found, progress.of, await reads.rerun(found.recording), await reads.extractors())


def _peaks_key(stored: StoredPeaks, form: PeaksForm) -> str:
    if form is PeaksForm.JSON:
        return stored.json_key
    if form is PeaksForm.DAT:
        return stored.dat_key
    if stored.rms_dat_key is None:
        raise ProblemError(
            404,
            "not_found",
            "This outline was made before the RMS was kept by itself.",
            next_step="Take it from the field `rms` of form=json.",
        )
    return stored.rms_dat_key


def _entity_tag(task: TaskDocument, image: StoredImage, colouring: Colouring | None, *, axes: bool) -> str:
    coloured = f"-{hashlib.sha256(colouring.colours).hexdigest()[:16]}" if colouring is not None else ""
    return f'"{task.parameters_id}-{task.fence}-{image.size_bytes}{coloured}{"-axes" if axes else ""}"'
