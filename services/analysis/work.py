"""The analysis task: fetch, extract what is missing, store the manifest, and what its document says."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from audio.format import AudioLimits, Container, reads_in_order
from chassis.metrics import EXTRACTOR_SECONDS
from chassis.work import Outcome
from chassis.workbench import Workbench
from contracts.analysing import AnalysisWish
from contracts.canonical import canonical_json
from contracts.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AnalysisRequested,
    ExtractorSummary,
    RecordingUploaded,
    TaskFailed,
)
from contracts.manifest import AudioManifest, ExtractorEntry
from contracts.objects import audio_key
from contracts.vocabulary import State

from .budget import Budget
from .extractors import Extractor, extractors_named, offered
from .isolation import analysed
from .manifest import ENGINE_VERSION, Subject, entries, manifest, renewed
from .plan import Plan
from .remembered import merged, missing
from .results import Analysis
from .schedule import Schedule
from .settings import AnalysisSettings

Analysable = RecordingUploaded | AnalysisRequested

_UPLOADED = AnalysisWish()


class AnalysisWork:
    """Extracts features: what an upload gets, or what a reader asked for later."""

    task: Literal["spectrogram", "analysis"] = "analysis"
    failure: type[TaskFailed] = AnalysisFailed

    def __init__(
        self,
        settings: AnalysisSettings,
        request: AnalysisRequested | None = None,
        *,
        schedule: Schedule | None = None,
    ) -> None:
        self._settings = settings
        self._schedule = schedule or Schedule(settings)
        self._limits = AudioLimits(settings.max_duration_s, settings.max_samples)
        self._budget = Budget(settings.extractor_timeout_s, settings.extractor_timeout_per_audio_s)
        self._wish = _UPLOADED if request is None else request.wish
        self._offered = offered(settings.opted_in)
        self.requested = request is not None
        self.parameters: dict[str, Any] = {"engine": ENGINE_VERSION}
        if request is None:
            extractors = extractors_named(settings.extractors, among=self._offered)
            self.parameters["extractors"] = {each.name: each.version for each in extractors}
            self.parameters_id = hashlib.sha256(canonical_json(self.parameters).encode()).hexdigest()[:16]
        else:
            # As text: what a reader sends may have keys that a document cannot.
            self.parameters["wish"] = request.wish.model_dump_json()
            self.parameters_id = request.request_id

    async def perform(self, event: Analysable, bench: Workbench) -> Outcome:
        """Run in one pass every extractor whose result is not there yet, and store the manifest of all."""
        extractors = extractors_named(self._names(), self._wish.parameters, among=self._offered)
        subject = Subject(event.recording_id, event.project_id, event.sha256, self.parameters_id)
        stored = await _stored(event.recording_id, bench)
        todo = missing(stored, extractors, self._wish.segments)
        if stored is not None and not todo:
            made = renewed(subject, stored)
            await self._store(bench, {made.manifest_uri: _json(made)})
            return self._outcome(event, made, extractors, bench.timings_s)
        analysis = await self._analysed(event, todo, bench)
        _note(analysis)
        computed = entries(subject, analysis, self._wish.segments)
        # Looked at again: another task may have ended while this one computed.
        made = manifest(subject, analysis, merged(await _stored(event.recording_id, bench), computed))
        await self._store(bench, {**_objects_beside(analysis, computed), made.manifest_uri: _json(made)})
        return self._outcome(event, made, extractors, {**bench.timings_s, **analysis.timings_s})

    def timeout_s(self, event: Analysable) -> float:
        """Return the bound on analysing a recording of the claimed duration."""
        return self._settings.job_timeout_of(event.duration_claimed_s)

    def _names(self) -> tuple[str, ...]:
        asked = self._wish.extractors
        return (*self._settings.extractors, *self._wish.parameters) if asked is None else asked

    async def _analysed(self, event: Analysable, todo: Sequence[Extractor], bench: Workbench) -> Analysis:
        names = tuple(extractor.name for extractor in todo)
        parameters = {name: each for name, each in self._wish.parameters.items() if name in names}
        plan = Plan(names, parameters, self._budget, segments=self._wish.segments)
        async with self._schedule.transfer():
            in_order = reads_in_order(Container(event.container))
            key = audio_key(event.recording_id)
            source = await bench.source(key, event.sha256, size_bytes=event.size_bytes, in_order=in_order)
        async with self._schedule.gpu(todo) as gpu:
            return await analysed(bench, source, event.container, self._limits, replace(plan, gpu=gpu))

    async def _store(self, bench: Workbench, objects: Mapping[str, bytes | Path]) -> None:
        async with self._schedule.transfer():
            await bench.store(objects)

    def _outcome(
        self, event: Analysable, made: AudioManifest, asked: Iterable[Extractor], timings_s: dict[str, float]
    ) -> Outcome:
        state = _state(made, {extractor.name for extractor in asked})
        completed = AnalysisCompleted(
            **event.subject_facts(),
            parameters_id=self.parameters_id,
            state=state,
            extractors=tuple(_summary(entry) for entry in made.extractors),
            duration_decoded_s=made.duration_s,
            warnings=made.warnings,
        )
        fields = {
            "manifest_key": made.manifest_uri,
            # Without what segments hold: that may be more than a document takes.
            "extractors": [entry.model_dump(exclude={"segments"}) for entry in made.extractors],
            "duration_decoded_s": made.duration_s,
            "warnings": [warning.model_dump() for warning in made.warnings],
            "timings_s": timings_s,
            "error": None,
        }
        return Outcome(state, fields, completed, shown=() if self.requested else ("analysis",))


def _note(analysis: Analysis) -> None:
    # The children count nothing: what they spent comes with their results.
    for each in analysis.extractors:
        outcome = "ok" if each.success else "failed"
        EXTRACTOR_SECONDS.labels(each.name, outcome).observe(each.processing_time_s)


async def _stored(recording_id: str, bench: Workbench) -> AudioManifest | None:
    document = await bench.equipment.tasks.newest(recording_id, having="manifest_key")
    if document is None:
        return None
    return AudioManifest.model_validate_json(await bench.equipment.objects.get(document["manifest_key"]))


def _objects_beside(analysis: Analysis, computed: Iterable[ExtractorEntry]) -> dict[str, Path]:
    pairs = [
        pair
        for result, entry in zip(analysis.extractors, computed, strict=True)
        for pair in ((result.series, entry.series), (result.attachment, entry.attachment))
    ]
    return {stored.uri: Path(file.path) for file, stored in pairs if file is not None and stored is not None}


def _json(made: AudioManifest) -> bytes:
    return json.dumps(made.model_dump(mode="json"), allow_nan=False).encode()


def _state(made: AudioManifest, asked: set[str]) -> Literal[State.COMPLETED, State.PARTIAL]:
    wanted = [entry for entry in made.extractors if entry.name in asked]
    whole = all(entry.success and entry.last_error is None for entry in wanted)
    return State.COMPLETED if whole else State.PARTIAL


def _summary(entry: ExtractorEntry) -> ExtractorSummary:
    error = entry.error or entry.last_error
    return ExtractorSummary(
        name=entry.name,
        version=entry.version,
        success=entry.success,
        error_code=error.code if error is not None else None,
    )
