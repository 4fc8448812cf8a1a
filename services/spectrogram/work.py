"""The spectrogram task: fetch, render, store, and what its document says."""

from dataclasses import asdict
from typing import Any, Literal

from audio.format import AudioLimits
from chassis.work import Outcome, Workbench
from contracts.documents import StoredImage
from contracts.events import ImageSummary, RecordingUploaded, SpectrogramCompleted, SpectrogramFailed, TaskFailed
from contracts.objects import audio_key, image_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Caveat, State

from .job import render_recording
from .render import Image, Rendering
from .settings import SpectrogramSettings


class SpectrogramWork:
    """Renders the images of uploaded recordings."""

    task: Literal["spectrogram", "analysis"] = "spectrogram"
    failure: type[TaskFailed] = SpectrogramFailed

    def __init__(self, settings: SpectrogramSettings) -> None:
        self._settings = settings
        self._render = RenderParameters()
        self._limits = AudioLimits(max_duration_s=settings.max_duration_s)
        self.parameters: dict[str, Any] = self._render.document()
        self.parameters_id = self._render.parameters_id

    async def perform(self, event: RecordingUploaded, bench: Workbench) -> Outcome:
        """Render and store three images."""
        path = await bench.fetch(audio_key(event.recording_id), event.sha256)
        rendering = await bench.compute(render_recording, path, event.container, self._limits, self._render)
        keys = {name: image_key(event.recording_id, self.parameters_id, name) for name in rendering.images}
        pngs = {keys[name]: image.png for name, image in rendering.images.items()}
        await bench.store(pngs, "image/png")
        return self._outcome(event, rendering, keys, {**bench.timings_s, **rendering.timings_s})

    def timeout_s(self, event: RecordingUploaded) -> float:
        """Return the bound on rendering a recording of the claimed duration."""
        return self._settings.job_timeout_of(event.duration_claimed_s)

    def _outcome(
        self, event: RecordingUploaded, rendering: Rendering, keys: dict[str, str], timings_s: dict[str, float]
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
            "reference_dbfs": rendering.reference_dbfs,
            "duration_decoded_s": rendering.duration_s,
            "warnings": [warning.model_dump() for warning in warnings],
            "timings_s": timings_s,
            "error": None,
        }
        return Outcome(State.COMPLETED, fields, completed)


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
