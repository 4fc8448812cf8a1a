"""Routes of the search: recordings that sound alike, and recordings that hold the same sound."""

from typing import Annotated, Any

import numpy as np
from litestar import Request, Response, get, post
from litestar.params import QueryParameter
from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import ProblemError
from contracts.documents import EMBEDDING_DIMENSIONS

from .absent import not_there
from .access import SEARCH
from .described import LATER
from .features import CONDITIONS_MAX, conditions
from .finding import Finder, Neighbours, Sharing
from .indexer import EMBEDDING, FINGERPRINT, embedding_of, entry_of, fingerprint_key
from .keys import Caller
from .reads import Found, Reads
from .vectors import VectorQuery
from .views import RecordingSummary, analysis_view, summary

Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Where = Annotated[
    list[str] | None,
    QueryParameter(
        max_items=CONDITIONS_MAX,
        description="Conditions, all to be met: `spectral.centroid.mean:2000..5000`, `tempo.bpm:..90`, "
        "`quality.health:green`.",
    ),
]


class SimilarView(BaseModel):
    """A recording that sounds alike."""

    similarity: float = Field(description="The cosine of the two vectors, at most 1.")
    recording: RecordingSummary


class SimilarList(BaseModel):
    """The recordings that sound most alike, the most first."""

    items: list[SimilarView]
    complete: bool = Field(description="False where recordings further away were not asked for their features.")


class IntervalView(BaseModel):
    """A part of this recording that is a part of the other; seconds from the start of each."""

    start_s: float
    end_s: float
    other_start_s: float
    other_end_s: float
    landmarks: int = Field(description="How many different ones both have in it.")
    share: float = Field(description="Of the landmarks in it, those that both have.")


class DuplicateView(BaseModel):
    """A recording that holds the same sound."""

    recording: RecordingSummary
    covered: float | None = Field(description="Share of this recording that the intervals cover.")
    covered_of_other: float | None = Field(description="Share of the other recording that they cover.")
    intervals: list[IntervalView]


class DuplicateList(BaseModel):
    """The recordings that hold the same sound, those with most of it first."""

    items: list[DuplicateView]


class SimilarSearch(BaseModel):
    """A vector to look for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    vector: list[float] = Field(min_length=EMBEDDING_DIMENSIONS, max_length=EMBEDDING_DIMENSIONS)
    version: str | None = Field(None, max_length=100, description="Of `embedding`; null: the one that is computed now.")
    limit: int = Field(10, ge=1, le=100)
    where: list[str] = Field(default_factory=list, max_length=CONDITIONS_MAX)


@get(
    "/recordings/{recording_id:str}/similar",
    operation_id="getSimilar",
    needs=SEARCH,
    problems=(409,),
    responses=LATER,
    tags=["search"],
)
async def get_similar(
    request: Request[Caller, Any, Any],
    reads: Reads,
    finder: Finder,
    recording_id: str,
    limit: Limit = 10,
    where: Where = None,
) -> Response[Any]:
    """List the recordings that sound most like this one; 202 while its analysis is not there."""
    found = await reads.recording(request.user, recording_id)
    version, vector = embedding_of(found.analysis)
    if version is None or vector is None:
        return _without(found, EMBEDDING, "vector")
    query = VectorQuery(np.frombuffer(vector, dtype="<f4"), version, request.user.project_ids, limit)
    neighbours = await finder.similar(request.user, query, conditions(where or []), but_for=recording_id)
    return Response(_similar(neighbours))


@post("/search/similar", operation_id="searchSimilar", needs=SEARCH, tags=["search"], status_code=200)
async def search_similar(
    request: Request[Caller, Any, Any], reads: Reads, finder: Finder, data: SimilarSearch
) -> SimilarList:
    """List the recordings whose vectors are nearest to a given one; its length does not matter."""
    vector = np.asarray(data.vector, dtype=np.float64)
    length = np.linalg.norm(vector)
    if not 0 < length < np.inf:
        raise ProblemError(400, "bad_request", "A vector of length zero, or without bounds, is near to nothing.")
    version = data.version or await _version_now(reads)
    query = VectorQuery((vector / length).astype(np.float32), version, request.user.project_ids, data.limit)
    return _similar(await finder.similar(request.user, query, conditions(data.where), but_for=None))


@get(
    "/recordings/{recording_id:str}/duplicates",
    operation_id="getDuplicates",
    needs=SEARCH,
    problems=(409,),
    responses=LATER,
    tags=["search"],
)
async def get_duplicates(
    request: Request[Caller, Any, Any], reads: Reads, finder: Finder, recording_id: str, limit: Limit = 20
) -> Response[Any]:
    """List the recordings that hold sound of this one, coded anew or cut, and which parts; 202 while it is analysed."""
    found = await reads.recording(request.user, recording_id)
    key = fingerprint_key(found.analysis)
    if key is None:
        return _without(found, FINGERPRINT, "landmarks")
    sharing = await finder.sharing(request.user, recording_id, key, limit)
    return Response(DuplicateList(items=[_duplicate(found, each) for each in sharing]))


async def _version_now(reads: Reads) -> str:
    return next((each.version for each in await reads.extractors() if each.id == EMBEDDING), "")


def _without(found: Found, extractor: str, measure: str) -> Response[Any]:
    """Answer where a recording has no such result: not yet, or for a reason."""
    if found.analysis is None or found.analysis.manifest_key is None:
        return not_there(found, found.analysis, analysis_view(found.recording, found.analysis))
    entry = entry_of(found.analysis, extractor) or {}
    reason = ((entry.get("payload") or {}).get(measure) or {}).get("reason")
    why = f" ({reason})" if reason else ""
    raise ProblemError(
        404,
        "not_searchable",
        f"This recording has no {extractor}{why}.",
        next_step=f"Ask for the extractor {extractor}: POST …/analysis; a silent or very short recording has none.",
    )


def _similar(neighbours: Neighbours) -> SimilarList:
    items = [SimilarView(similarity=each.similarity, recording=_summary(each.found)) for each in neighbours.items]
    return SimilarList(items=items, complete=neighbours.complete)


def _duplicate(found: Found, sharing: Sharing) -> DuplicateView:
    summarised = _summary(sharing.found)
    here = [(each.start_s, each.end_s) for each in sharing.intervals]
    there = [(each.other_start_s, each.other_end_s) for each in sharing.intervals]
    return DuplicateView(
        recording=summarised,
        covered=_covered(here, _summary(found).duration_s),
        covered_of_other=_covered(there, summarised.duration_s),
        intervals=[IntervalView(**vars(each)) for each in sharing.intervals],
    )


def _covered(intervals: list[tuple[float, float]], duration_s: float | None) -> float | None:
    if not duration_s:
        return None
    covered_s, reached_s = 0.0, 0.0
    for start_s, end_s in sorted(intervals):
        covered_s += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return round(min(1.0, covered_s / duration_s), 4)


def _summary(found: Found) -> RecordingSummary:
    return summary(found.recording, found.spectrogram, found.analysis)
