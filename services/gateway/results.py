"""Routes of results: images and manifests, and honest answers while there are none."""

import hashlib
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get
from litestar.params import QueryParameter

from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import StoredImage, StoredPeaks, TaskDocument
from contracts.drawing import Region
from contracts.rendering import RenderParameters
from contracts.vocabulary import State

from .absent import not_there
from .access import READ
from .caching import CACHED, tagged, unchanged
from .colouring import Colouring, Shown
from .described import BINARY, LATER, UNCHANGED, BinaryToo
from .gallery import Gallery, region_request
from .keys import Caller
from .progress import ProgressBoard
from .reads import Found, Reads
from .renderings import Hertz
from .reruns import AnalysisStatus, analysis_status
from .versions import image_version
from .views import Heard, SpectrogramView, analysis_view, nothing_heard, shown_first_look, spectrogram_view


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

    @get(
        "/spectrogram",
        operation_id="getSpectrogram",
        needs=READ,
        problems=(409, 422),
        responses={**LATER, **UNCHANGED},
        media_type="image/png",
    )
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
        version: str | None = None,
    ) -> Response[Any]:
        """Return the PNG; 202 and the status while it is not there, 409 where it failed.

        Any parameters that were not asked for before are rendered now, once, whoever asks. Another palette, and a
        narrower range of levels, are put into an image that is there; where colours are then fewer, the header
        `Dawnchorus-Step-Db` says how far apart. `exact` has the image rendered instead, and so have axes.
        With the `version` that an image's `href` names, it may be kept for a day without asking again.
        """
        found = await reads.recording(request.user, recording_id)
        shown = await gallery.rendering(found, rendering, exact=exact or axes)
        task, image = shown.document, shown.image(resolution)
        if task is None or image is None:
            return not_there(found, task, spectrogram_view(found.recording, task))
        lasting = version == image_version(task, image)
        headers = tagged(_entity_tag(task, image, shown.colouring, axes=axes), lasting=lasting)
        if shown.step_db:
            headers["Dawnchorus-Step-Db"] = f"{shown.step_db:.4g}"
        if (kept := unchanged(request, headers)) is not None:
            return kept
        png = await gallery.png(image, shown.colouring, axes=axes)
        return Response(png, media_type="image/png", headers=headers)

    @get("/spectrogram/status", operation_id="getSpectrogramStatus", needs=READ)
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
        return await _images_view(reads, found, rendering, shown, progress.of)

    @get(
        "/spectrogram/first-look",
        operation_id="getFirstLook",
        needs=READ,
        problems=(409,),
        responses=LATER,
        media_type="image/png",
    )
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

    @get(
        "/spectrogram/geometry",
        operation_id="getSpectrogramGeometry",
        needs=READ,
        problems=(409,),
        responses=LATER,
        media_type=MediaType.JSON,
    )
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
            return not_there(found, shown.task, await _images_view(reads, found, rendering, shown))
        return Response(await gallery.geometry(shown.document), headers=CACHED)

    @get(
        "/spectrogram/region",
        operation_id="getSpectrogramRegion",
        needs=READ,
        problems=(409, 422),
        responses=UNCHANGED,
        media_type="image/png",
    )
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
        f_max_hz: Hertz = None,
    ) -> Response[Any]:
        """Return a part of the recording in its own resolution, between `f_min_hz` and `f_max_hz`.

        Its levels are relative to the loudest cell of the recording's own images, once those are there.
        """
        found = await reads.recording(request.user, recording_id)
        if not (isfinite(start_s) and isfinite(end_s)):
            raise ProblemError(400, "bad_request", "start_s and end_s must be finite numbers.")
        region = Region(start_s, end_s, rendering.f_min_hz, f_max_hz, width, height)
        wanted = region_request(found, rendering, region)
        headers = tagged(f'"{wanted.region_id}-{rendering.palette}"')
        if (kept := unchanged(request, headers)) is not None:
            return kept
        png = await gallery.region(wanted, rendering.palette)
        return Response(png, media_type="image/png", headers=headers)

    @get(
        "/waveform",
        operation_id="getWaveform",
        needs=READ,
        problems=(409,),
        responses={**LATER, **UNCHANGED},
        media_type="image/png",
    )
    async def waveform(
        self, request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str
    ) -> Response[Any]:
        """Return the outline as a PNG: lowest and highest sample of each column, and the RMS inside."""
        found = await reads.recording(request.user, recording_id)
        task = found.spectrogram
        if task is None or task.waveform is None:
            return not_there(found, task, spectrogram_view(found.recording, task))
        headers = tagged(f'"{task.parameters_id}-{task.fence}-waveform"')
        if (kept := unchanged(request, headers)) is not None:
            return kept
        return Response(await objects.get(task.waveform.key), media_type="image/png", headers=headers)

    @get(
        "/waveform/peaks",
        operation_id="getPeaks",
        needs=READ,
        problems=(409,),
        responses={**LATER, **UNCHANGED},
        operation_class=BinaryToo,
    )
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
        headers = tagged(f'"{task.parameters_id}-{task.fence}-{zoom}-{form}"')
        if (kept := unchanged(request, headers)) is not None:
            return kept
        media_type = MediaType.JSON if form is PeaksForm.JSON else BINARY
        return Response(await objects.get(key), media_type=media_type, headers=headers)

    @get(
        "/analysis", operation_id="getAnalysis", needs=READ, problems=(409,), responses=LATER, media_type=MediaType.JSON
    )
    async def manifest(
        self, request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str
    ) -> Response[Any]:
        """Return the manifest; 202 and the status while it is not there, 409 where the analysis failed."""
        found = await reads.recording(request.user, recording_id)
        if found.analysis is None or found.analysis.manifest_key is None:
            return not_there(found, found.analysis, analysis_view(found.recording, found.analysis))
        return Response(await objects.get(found.analysis.manifest_key), media_type=MediaType.JSON)

    @get("/analysis/status", operation_id="getAnalysisStatus", needs=READ)
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


async def _images_view(
    reads: Reads, found: Found, rendering: RenderParameters, shown: Shown, heard: Heard = nothing_heard
) -> SpectrogramView:
    # The upload asked for the recording's own images, and of a failed recording nobody will render any.
    expected = rendering == found.rendering or found.recording.state is State.FAILED
    if shown.task is None and not expected and not await reads.is_wished(found.recording, rendering.parameters_id):
        return SpectrogramView(status="not_requested")
    return spectrogram_view(found.recording, shown.document, heard)


def _entity_tag(task: TaskDocument, image: StoredImage, colouring: Colouring | None, *, axes: bool) -> str:
    coloured = f"-{hashlib.sha256(colouring.colours).hexdigest()[:16]}" if colouring is not None else ""
    return f'"{task.parameters_id}-{task.fence}-{image.size_bytes}{coloured}{"-axes" if axes else ""}"'
