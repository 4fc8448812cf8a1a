"""The spectrogram task: fetch, render, store, and what its document says."""

import asyncio
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from audio.format import AudioLimits, Container, reads_in_order
from chassis.ranged import RemoteObject
from chassis.work import Outcome
from chassis.workbench import Workbench
from contracts.documents import StoredImage, StoredPeaks
from contracts.events import (
    RecordingUploaded,
    SpectrogramCompleted,
    SpectrogramFailed,
    SpectrogramRequested,
    TaskFailed,
)
from contracts.objects import audio_key, geometry_key, image_key, peaks_key, tiles_key, waveform_key
from contracts.rendering import RenderParameters
from contracts.tiles import StoredTiles
from contracts.vocabulary import Caveat, State

from .job import render_recording
from .outline import Outline
from .preview import LOOK_SLOTS, Preview
from .render import Rendering
from .settings import SpectrogramSettings
from .sidecar import sidecar
from .summaries import image_summary, stored_image

Renderable = RecordingUploaded | SpectrogramRequested


class SpectrogramWork:
    """Renders the images of recordings, in the way one set of parameters says."""

    task: Literal["spectrogram", "analysis"] = "spectrogram"
    failure: type[TaskFailed] = SpectrogramFailed

    def __init__(
        self,
        settings: SpectrogramSettings,
        render: RenderParameters,
        *,
        requested: bool,
        look_slot: asyncio.Semaphore | None = None,
    ) -> None:
        self._settings = settings
        self._look_slot = look_slot or asyncio.Semaphore(LOOK_SLOTS)
        self._render = render
        self._limits = AudioLimits(settings.max_duration_s, settings.max_samples)
        self.parameters: dict[str, Any] = render.document()
        self.parameters_id = render.parameters_id
        self.requested = requested

    async def perform(self, event: Renderable, bench: Workbench) -> Outcome:
        """Render and store three images."""
        rendering = await self._rendering(event, bench)
        keys = {name: image_key(event.recording_id, self.parameters_id, name) for name in rendering.images}
        objects = {keys[name]: image.png for name, image in rendering.images.items()}
        objects[geometry_key(event.recording_id, self.parameters_id)] = self._sidecar(rendering)
        if (pyramid := rendering.pyramid) is not None:
            objects[tiles_key(event.recording_id, self.parameters_id)] = b"".join(pyramid.tiles)
        outline = rendering.outline
        await bench.store(objects if outline is None else {**objects, **_outline_objects(event.recording_id, outline)})
        outcome = self._outcome(event, rendering, keys, {**bench.timings_s, **rendering.timings_s})
        shown = {} if outline is None else _outline_fields(event.recording_id, outline)
        # What a reader asked for later says nothing of how long an upload takes.
        told = () if self.requested else tuple(rendering.images)
        return replace(outcome, fields={**outcome.fields, **shown}, shown=told)

    async def _rendering(self, event: Renderable, bench: Workbench) -> Rendering:
        if isinstance(event, SpectrogramRequested):
            return await self._rendered(event, bench, await _source(event, bench))
        async with Preview(event, bench, self._render, self._limits, self._look_slot).beside() as found:
            found.set_result(await _source(event, bench))
            return await self._rendered(event, bench, await found)

    async def _rendered(self, event: Renderable, bench: Workbench, source: Path | RemoteObject) -> Rendering:
        # Who looks closer begins at the upload's rendering: other ways to see a recording have no tiles.
        columns = 0 if self.requested else self._settings.pyramid_columns
        # The outline does not depend on the parameters: the upload's rendering has it.
        with_outline = not self.requested
        return await bench.compute(
            render_recording, source, event.container, self._limits, self._render, columns, with_outline
        )

    def timeout_s(self, event: Renderable) -> float:
        """Return the bound on rendering a recording of the claimed duration."""
        return self._settings.job_timeout_of(event.duration_claimed_s)

    def _outcome(
        self, event: Renderable, rendering: Rendering, keys: dict[str, str], timings_s: dict[str, float]
    ) -> Outcome:
        warnings = tuple(Caveat(code=each.code, sentence=each.sentence) for each in rendering.warnings)
        images = {name: stored_image(keys[name], image) for name, image in rendering.images.items()}
        completed = SpectrogramCompleted(
            **event.subject_facts(),
            parameters_id=self.parameters_id,
            images=tuple(image_summary(name, image) for name, image in rendering.images.items()),
            duration_decoded_s=rendering.duration_s,
            warnings=warnings,
        )
        fields = {
            "images": {name: image.model_dump() for name, image in images.items()},
            "geometry_key": geometry_key(event.recording_id, self.parameters_id),
            "tiles": self._tiles(event.recording_id, rendering),
            "reference_dbfs": rendering.reference_dbfs,
            "duration_decoded_s": rendering.duration_s,
            "warnings": [warning.model_dump() for warning in warnings],
            "timings_s": timings_s,
            "error": None,
        }
        return Outcome(State.COMPLETED, fields, completed)

    @property
    def _has_levels_of_its_own(self) -> bool:
        return self._render.pcen or self._render.pool != "max"

    def _sidecar(self, rendering: Rendering) -> bytes:
        geometries = {name: image.geometry for name, image in rendering.images.items()}
        facts = {
            "rate_hz": rendering.rate_hz,
            "duration_s": rendering.duration_s,
            "reference_dbfs": rendering.reference_dbfs,
        }
        return sidecar(geometries, self._render, facts, hop=rendering.hop)

    def _tiles(self, recording_id: str, rendering: Rendering) -> dict[str, Any] | None:
        pyramid = rendering.pyramid
        if pyramid is None:
            return None
        stored = StoredTiles(
            key=tiles_key(recording_id, self.parameters_id),
            grid=pyramid.grid,
            sizes_bytes=tuple(len(tile) for tile in pyramid.tiles),
            # Not the images': tiles are in decibels where those are in PCEN, and maxima where those are means.
            reference_dbfs=pyramid.loudest_dbfs if self._has_levels_of_its_own else rendering.reference_dbfs,
        )
        return stored.model_dump()


async def _source(event: Renderable, bench: Workbench) -> Path | RemoteObject:
    in_order = reads_in_order(Container(event.container))
    return await bench.source(
        audio_key(event.recording_id), event.sha256, size_bytes=event.size_bytes, in_order=in_order
    )


def _outline_objects(recording_id: str, outline: Outline) -> dict[str, bytes]:
    objects = {waveform_key(recording_id): outline.waveform.png}
    for number, zoom in enumerate(outline.zooms):
        objects[peaks_key(recording_id, number, "json")] = zoom.json
        objects[peaks_key(recording_id, number, "dat")] = zoom.dat
        objects[peaks_key(recording_id, number, "rms.dat")] = zoom.rms_dat
    return objects


def _outline_fields(recording_id: str, outline: Outline) -> dict[str, Any]:
    drawn = outline.waveform
    picture = StoredImage(key=waveform_key(recording_id), size_bytes=len(drawn.png), geometry=asdict(drawn.geometry))
    zooms = [
        StoredPeaks(
            samples_per_px=zoom.samples_per_px,
            json_key=peaks_key(recording_id, number, "json"),
            dat_key=peaks_key(recording_id, number, "dat"),
            rms_dat_key=peaks_key(recording_id, number, "rms.dat"),
        ).model_dump()
        for number, zoom in enumerate(outline.zooms)
    ]
    return {"waveform": picture.model_dump(), "zooms": zooms}
