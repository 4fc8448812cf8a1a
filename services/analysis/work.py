"""The analysis task: fetch, extract, store the manifest, and what its document says."""

import hashlib
import json
from typing import Any, Literal

from audio.format import AudioLimits, Container, reads_in_order
from chassis.work import Outcome, Workbench
from contracts.canonical import canonical_json
from contracts.events import AnalysisCompleted, AnalysisFailed, ExtractorSummary, RecordingUploaded, TaskFailed
from contracts.objects import audio_key, manifest_key
from contracts.vocabulary import Caveat, State

from .budget import Budget
from .extractors import extractors_named
from .isolation import analysed
from .manifest import ENGINE_VERSION, manifest
from .plan import Plan
from .results import Analysis
from .settings import AnalysisSettings


class AnalysisWork:
    """Extracts the features of uploaded recordings."""

    task: Literal["spectrogram", "analysis"] = "analysis"
    failure: type[TaskFailed] = AnalysisFailed
    requested = False

    def __init__(self, settings: AnalysisSettings) -> None:
        self._settings = settings
        self._limits = AudioLimits(max_duration_s=settings.max_duration_s)
        self._budget = Budget(settings.extractor_timeout_s, settings.extractor_timeout_per_audio_s)
        extractors = extractors_named(settings.extractors)
        versions = {each.name: each.version for each in extractors}
        self.parameters: dict[str, Any] = {"extractors": versions, "engine": ENGINE_VERSION}
        self.parameters_id = hashlib.sha256(canonical_json(self.parameters).encode()).hexdigest()[:16]

    async def perform(self, event: RecordingUploaded, bench: Workbench) -> Outcome:
        """Run every extractor in one pass and store the manifest."""
        in_order = reads_in_order(Container(event.container))
        key = audio_key(event.recording_id)
        source = await bench.source(key, event.sha256, size_bytes=event.size_bytes, in_order=in_order)
        plan = Plan(self._settings.extractors, budget=self._budget)
        analysis = await analysed(bench, source, event.container, self._limits, plan)
        made = manifest(event, analysis, self.parameters_id)
        key = manifest_key(event.recording_id, self.parameters_id)
        await bench.store({key: json.dumps(made, allow_nan=False).encode()})
        return self._outcome(event, analysis, made, {**bench.timings_s, **analysis.timings_s})

    def timeout_s(self, event: RecordingUploaded) -> float:
        """Return the bound on analysing a recording of the claimed duration."""
        return self._settings.job_timeout_of(event.duration_claimed_s)

    def _outcome(
        self, event: RecordingUploaded, analysis: Analysis, made: dict[str, Any], timings_s: dict[str, float]
    ) -> Outcome:
        state = _state(analysis)
        warnings = tuple(Caveat(code=each.code, sentence=each.sentence) for each in analysis.warnings)
        completed = AnalysisCompleted(
            **event.subject_facts(),
            parameters_id=self.parameters_id,
            state=state,
            extractors=_summaries(analysis),
            duration_decoded_s=analysis.duration_s,
            warnings=warnings,
        )
        fields = {
            "manifest_key": made["manifest_uri"],
            "extractors": made["extractors"],
            "duration_decoded_s": analysis.duration_s,
            "warnings": [warning.model_dump() for warning in warnings],
            "timings_s": timings_s,
            "error": None,
        }
        return Outcome(state, fields, completed)


def _state(analysis: Analysis) -> Literal[State.COMPLETED, State.PARTIAL]:
    return State.COMPLETED if all(result.success for result in analysis.extractors) else State.PARTIAL


def _summaries(analysis: Analysis) -> tuple[ExtractorSummary, ...]:
    return tuple(
        ExtractorSummary(
            name=result.name,
            version=result.version,
            success=result.success,
            error_code=result.error.code if result.error is not None else None,
        )
        for result in analysis.extractors
    )
