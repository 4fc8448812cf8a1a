"""A job that survives its extractors: one that kills or hangs the child is left out, and the others go again."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import structlog

from audio.format import AudioLimits
from chassis.errors import JobCrashedError, JobTimeoutError
from chassis.ranged import RemoteObject
from chassis.workbench import Workbench

from .extractors import Extractor, extractors_named
from .job import analyse_recording
from .plan import Plan
from .results import Analysis, ExtractorFailure, ExtractorResult
from .witness import last_at_work

log = structlog.get_logger()

# A child may be killed for what others did on the machine: only who is at work twice is to blame.
_CRASHES_MAX = 2


async def analysed(
    bench: Workbench, recording: Path | RemoteObject, container: str, limits: AudioLimits, plan: Plan
) -> Analysis:
    """Return what a child finds; an extractor that ends the child fails alone, and a GPU is done without.

    Raises `JobCrashedError` and `JobTimeoutError` when no extractor was at work, and what `analyse` raises.
    """
    failed: dict[str, ExtractorResult] = {}
    crashes: Counter[str] = Counter()
    while True:
        # Each once, as the job numbers them.
        names = tuple(name for name in dict.fromkeys(plan.extractors) if name not in failed)
        left = replace(plan, extractors=names, scratch=bench.scratch)
        try:
            analysis = await bench.compute(analyse_recording, recording, container, limits, left)
        except (JobCrashedError, JobTimeoutError) as error:
            blamed = last_at_work(bench.scratch, names)
            if blamed is None and plan.gpu:
                log.warning("gpu_ended_job", reason=str(error))
                plan = replace(plan, gpu=False)
                continue
            if blamed is None:
                raise
            crashes[blamed] += 1
            log.warning("extractor_ended_job", extractor=blamed, crashes=crashes[blamed], reason=str(error))
            if isinstance(error, JobTimeoutError) or crashes[blamed] == _CRASHES_MAX:
                [extractor] = extractors_named([blamed], {blamed: plan.parameters.get(blamed, {})})
                failed[blamed] = _failure(extractor, error)
            continue
        return replace(analysis, extractors=_in_order(plan, analysis, failed))


def _in_order(plan: Plan, analysis: Analysis, failed: dict[str, ExtractorResult]) -> tuple[ExtractorResult, ...]:
    found = {result.name: result for result in analysis.extractors} | failed
    return tuple(found[name] for name in dict.fromkeys(plan.extractors))


def _failure(extractor: Extractor, error: JobCrashedError | JobTimeoutError) -> ExtractorResult:
    return ExtractorResult(
        name=extractor.name,
        version=extractor.version,
        parameters=extractor.parameters,
        success=False,
        payload=None,
        error=_fault(extractor.name, error),
        processing_time_s=0.0,
    )


def _fault(name: str, error: JobCrashedError | JobTimeoutError) -> ExtractorFailure:
    if isinstance(error, JobTimeoutError):
        return ExtractorFailure(code="extractor_timeout", sentence=f"The extractor {name} hung the job: {error}")
    return ExtractorFailure(code="extractor_crashed", sentence=f"The extractor {name} crashed the job twice: {error}")
