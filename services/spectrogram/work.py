"""The spectrogram task: fetch, render, store, and what its document says."""

from dataclasses import asdict, replace
from typing import Any, Literal

from audio.format import AudioLimits, Container, reads_in_order
from chassis.work import Outcome, Workbench
from contracts.documents import StoredImage, StoredPeaks
from contracts.events import (
    ImageSummary,
    RecordingUploaded,
    SpectrogramCompleted,
    SpectrogramFailed,
    SpectrogramRequested,
    TaskFailed,
)
from contracts.objects import audio_key, image_key, peaks_key, tiles_key, waveform_key
from contracts.rendering import RenderParameters
from contracts.tiles import StoredTiles
from contracts.vocabulary import Caveat, State

from .job import render_recording
from .outline import Outline
from .pyramid import Pyramid
from .render import Image, Rendering
from .settings import SpectrogramSettings

Renderable = RecordingUploaded | SpectrogramRequested


class SpectrogramWork:
    """Renders the images of recordings, in the way one set of parameters says."""

    task: Literal["spectrogram", "analysis"] = "spectrogram"
    failure: type[TaskFailed] = SpectrogramFailed

    def __init__(self, settings: SpectrogramSettings, render: RenderParameters, *, requested: bool) -> None:
        self._settings = settings
        self._render = render
        self._limits = AudioLimits(max_duration_s=settings.max_duration_s)
        self.parameters: dict[str, Any] = render.document()
        self.parameters_id = render.parameters_id
        self.requested = requested

    async def perform(self, event: Renderable, bench: Workbench) -> Outcome:
        """Render and store three images."""
        in_order = reads_in_order(Container(event.container))
        key = audio_key(event.recording_id)
        source = await bench.source(key, event.sha256, size_bytes=event.size_bytes, in_order=in_order)
        # Who looks closer begins at the upload's rendering: other ways to see a recording have no tiles.
        columns = 0 if self.requested else self._settings.pyramid_columns
        rendering = await bench.compute(render_recording, source, event.container, self._limits, self._render, columns)
        keys = {name: image_key(event.recording_id, self.parameters_id, name) for name in rendering.images}
        objects = {keys[name]: image.png for name, image in rendering.images.items()}
        if (pyramid := rendering.pyramid) is not None:
            objects[tiles_key(event.recording_id, self.parameters_id)] = b"".join(pyramid.tiles)
        # The outline does not depend on the parameters: the upload's rendering keeps it.
        outline = None if self.requested else rendering.outline
        await bench.store(objects if outline is None else {**objects, **_outline_objects(event.recording_id, outline)})
        outcome = self._outcome(event, rendering, keys, {**bench.timings_s, **rendering.timings_s})
        shown = {} if outline is None else _outline_fields(event.recording_id, outline)
        return replace(outcome, fields={**outcome.fields, **shown})

    def timeout_s(self, event: Renderable) -> float:
        """Return the bound on rendering a recording of the claimed duration."""
        return self._settings.job_timeout_of(event.duration_claimed_s)

    def _outcome(
        self, event: Renderable, rendering: Rendering, keys: dict[str, str], timings_s: dict[str, float]
    ) -> Outcome:
        warnings = tuple(Caveat(code=each.code, sentence=each.sentence) for each in rendering.warnings)
        images = {name: _stored(keys[name], image) for name, image in rendering.images.items()}
        completed = SpectrogramCompleted(
            **event.subject_facts(),
            parameters_id=self.parameters_id,
            images=tuple(_summary(name, image) for name, image in rendering.images.items()),
            duration_decoded_s=rendering.duration_s,
            warnings=warnings,
        )
        fields = {
            "images": {name: image.model_dump() for name, image in images.items()},
            "tiles": self._tiles(event.recording_id, rendering.pyramid),
            "reference_dbfs": rendering.reference_dbfs,
            "duration_decoded_s": rendering.duration_s,
            "warnings": [warning.model_dump() for warning in warnings],
            "timings_s": timings_s,
            "error": None,
        }
        return Outcome(State.COMPLETED, fields, completed)

    def _tiles(self, recording_id: str, pyramid: Pyramid | None) -> dict[str, Any] | None:
        if pyramid is None:
            return None
        sizes_bytes = tuple(len(tile) for tile in pyramid.tiles)
        key = tiles_key(recording_id, self.parameters_id)
        return StoredTiles(key=key, grid=pyramid.grid, sizes_bytes=sizes_bytes).model_dump()


def _outline_objects(recording_id: str, outline: Outline) -> dict[str, bytes]:
    objects = {waveform_key(recording_id): outline.waveform.png}
    for number, zoom in enumerate(outline.zooms):
        objects[peaks_key(recording_id, number, "json")] = zoom.json
        objects[peaks_key(recording_id, number, "dat")] = zoom.dat
    return objects


def _outline_fields(recording_id: str, outline: Outline) -> dict[str, Any]:
    drawn = outline.waveform
    picture = StoredImage(key=waveform_key(recording_id), size_bytes=len(drawn.png), geometry=asdict(drawn.geometry))
    zooms = [
        StoredPeaks(
            samples_per_px=zoom.samples_per_px,
            json_key=peaks_key(recording_id, number, "json"),
            dat_key=peaks_key(recording_id, number, "dat"),
        ).model_dump()
        for number, zoom in enumerate(outline.zooms)
    ]
    return {"waveform": picture.model_dump(), "zooms": zooms}


def _stored(key: str, image: Image) -> StoredImage:
    return StoredImage(key=key, size_bytes=len(image.png), geometry=asdict(image.geometry))


def _summary(name: str, image: Image) -> ImageSummary:
    geometry = image.geometry
    return ImageSummary(
        name=name,
        width=geometry.width,
        height=geometry.height,
        seconds_per_px=geometry.seconds_per_px,
        hz_per_px=geometry.hz_per_px,
        size_bytes=len(image.png),
    )
