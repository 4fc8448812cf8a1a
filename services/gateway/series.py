"""The route of frame series: Parquet as it is stored, whole or in part, so that readers fetch the columns they need."""

from typing import Any

from litestar import Request, Response, get
from litestar.response import Stream

from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import AnalysisDocument
from contracts.manifest import SeriesReference

from .access import READ
from .caching import tagged, unchanged
from .described import UNCHANGED, part_of
from .keys import Caller
from .ranges import asked_range
from .reads import Reads

PARQUET = "application/vnd.apache.parquet"
SUFFIX = ".parquet"


@get(
    "/recordings/{recording_id:str}/analysis/series/{file_name:str}",
    operation_id="getSeries",
    needs=READ,
    problems=(416,),
    responses={**UNCHANGED, **part_of(PARQUET)},
    tags=["results"],
    media_type=PARQUET,
)
async def get_series(
    request: Request[Caller, Any, Any], reads: Reads, objects: ObjectStore, recording_id: str, file_name: str
) -> Response[Any]:
    """Return the frames of one extractor, `{extractor}.parquet`; takes `Range`, answers 304 to its own `ETag`."""
    found = await reads.recording(request.user, recording_id)
    series = _series_of(found.analysis, file_name)
    if series is None:
        raise ProblemError(404, "not_found", f"This recording has no series {file_name[:64]}.")
    # The key holds the identity of what was computed: other values have another one.
    tag = f'"{series.uri.split("/")[-2]}-{series.size_bytes}"'
    headers = {**tagged(tag), "Accept-Ranges": "bytes"}
    if (kept := unchanged(request, headers)) is not None:
        return kept
    part = asked_range(request.headers.get("range"), series.size_bytes)
    whole = range(series.size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{series.size_bytes}"
    headers["Content-Length"] = str(len(part or whole))
    status = 206 if part is not None else 200
    return Stream(objects.blocks(series.uri, part), status_code=status, media_type=PARQUET, headers=headers)


def _series_of(analysis: AnalysisDocument | None, file_name: str) -> SeriesReference | None:
    if analysis is None or not file_name.endswith(SUFFIX):
        return None
    wanted = file_name.removesuffix(SUFFIX)
    [raw] = [each.get("series") for each in analysis.extractors if each["name"] == wanted] or [None]
    return SeriesReference.model_validate(raw) if raw is not None else None
