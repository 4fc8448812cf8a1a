"""Backfills: one extractor over every recording that lacks it; planned and priced, then announced in the bulk lane."""

import hashlib
import secrets
from typing import Any, Literal

from litestar import Request, Response, get, post
from pydantic import BaseModel, Field

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.analysing import AnalysisWish
from contracts.documents import ANALYSES, RECORDINGS, ExtractorDocument, RecordingDocument
from contracts.vocabulary import Lane, State

from .access import WRITE
from .analyses import AnalysisRequests, analysis_request
from .keys import Caller
from .reads import Reads

BATCH = 500
# A price is an average: more results than these change it little.
PRICED_FROM_MAX = 1000


class BackfillPlan(BaseModel):
    """What a backfill would do, and what it would cost."""

    extractor: str
    version: str
    recordings: int = Field(description="Those without a result of this version.")
    audio_s: float = Field(description="Their length, by their headers where nothing was decoded yet.")
    unknown_length: int = Field(description="Recordings among them whose header says no length; not in the price.")
    cost_per_audio_s: float = Field(description="Seconds of one slot per second of audio, decoding included.")
    cost_from: Literal["results", "stated"] = Field(
        description="Measured on results that are here, or what the extractor states, without decoding."
    )
    cost_s: float = Field(description="Seconds of one slot for all of it; divide by the slots of the bulk lane.")


class Backfill(BackfillPlan):
    """A backfill that was started."""

    announced: int = Field(description="The others had been announced before.")


class Backfills:
    """Looks for what lacks an extractor, and asks for it."""

    def __init__(self, database: Database, requests: AnalysisRequests) -> None:
        self._database = database
        self._requests = requests

    async def plan(self, caller: Caller, extractor: ExtractorDocument) -> BackfillPlan:
        """Count and price the caller's recordings that lack the extractor's version."""
        length = {"$ifNull": ["$decoded_s", "$audio.duration_claimed_s"]}
        total = {
            "_id": None,
            "recordings": {"$sum": 1},
            "audio_s": {"$sum": length},
            "unknown_length": {"$sum": {"$cond": [{"$eq": [{"$ifNull": [length, None]}, None]}, 1, 0]}},
        }
        found = await self._database[RECORDINGS].aggregate([*_lacking(caller, extractor), {"$group": total}]).to_list(1)
        counted = {name: value for name, value in found[0].items() if name != "_id"} if found else _NOTHING
        measured = await self._measured_cost(extractor)
        cost = measured if measured is not None else extractor.cost_per_audio_s
        return BackfillPlan(
            extractor=extractor.id,
            version=extractor.version,
            cost_per_audio_s=cost,
            cost_from="stated" if measured is None else "results",
            cost_s=cost * counted["audio_s"],
            **counted,
        )

    async def start(self, caller: Caller, extractor: ExtractorDocument, *, again: bool = False) -> int:
        """Announce a request per recording, once for each version of the extractor; return how many are new.

        `again` announces those that were announced before, too: their first try may have failed.
        """
        wish, announced = AnalysisWish(extractors=(extractor.id,)), 0
        series = secrets.token_hex(8) if again else ""
        batch: list[RecordingDocument] = []
        async for raw in self._database[RECORDINGS].aggregate(_lacking(caller, extractor)):
            batch.append(RecordingDocument.model_validate(raw))
            if len(batch) == BATCH:
                announced += await self._ask(batch, wish, extractor, series)
                batch = []
        return announced + await self._ask(batch, wish, extractor, series)

    async def _ask(
        self, batch: list[RecordingDocument], wish: AnalysisWish, extractor: ExtractorDocument, series: str
    ) -> int:
        ids = {each.id: _request_id(each.id, extractor, series) for each in batch}
        return await self._requests.ask(
            analysis_request(each, wish, request_id=ids[each.id], lane=Lane.BULK) for each in batch
        )

    async def _measured_cost(self, extractor: ExtractorDocument) -> float | None:
        mine = {"name": extractor.id, "version": extractor.version, "success": True}
        pipeline: list[dict[str, Any]] = [
            {
                "$match": {
                    "extractors": {"$elemMatch": mine},
                    "duration_decoded_s": {"$gt": 0},
                    "timings_s.decode": {"$gt": 0},
                }
            },
            {"$sort": {"completed_at": -1}},
            {"$limit": PRICED_FROM_MAX},
            {"$unwind": "$extractors"},
            {"$match": {f"extractors.{name}": value for name, value in mine.items()}},
            {
                "$group": {
                    "_id": None,
                    "audio_s": {"$sum": "$duration_decoded_s"},
                    "spent_s": {"$sum": {"$add": _SPENT}},
                }
            },
        ]
        found = await self._database[ANALYSES].aggregate(pipeline).to_list(1)
        return found[0]["spent_s"] / found[0]["audio_s"] if found else None


_NOTHING: dict[str, Any] = {"recordings": 0, "audio_s": 0.0, "unknown_length": 0}
# A backfill decodes and prepares its inputs for one extractor alone.
_SPENT = ["$extractors.processing_time", "$timings_s.decode", {"$ifNull": ["$timings_s.shared", 0]}]


@get("/extractors/{name:str}/backfill", operation_id="planBackfill", needs=WRITE, tags=["extractors"])
async def plan_backfill(
    request: Request[Caller, Any, Any], reads: Reads, backfills: Backfills, name: str
) -> BackfillPlan:
    """Say how many recordings of the caller lack this extractor's version, and what computing it would cost."""
    return await backfills.plan(request.user, await _extractor(reads, name))


@post(
    "/extractors/{name:str}/backfill",
    operation_id="startBackfill",
    needs=WRITE,
    problems=(409,),
    tags=["extractors"],
    status_code=202,
)
async def start_backfill(
    request: Request[Caller, Any, Any],
    reads: Reads,
    backfills: Backfills,
    name: str,
    cost_s_max: float | None = None,
    again: bool = False,
) -> Response[Backfill]:
    """Start what the plan says, in the bulk lane: that extractor alone, on those recordings alone.

    Refused where the plan costs more than `cost_s_max`. Started twice, it announces nothing twice,
    unless `again` says so: for recordings where the extractor failed.
    """
    extractor = await _extractor(reads, name)
    plan = await backfills.plan(request.user, extractor)
    if cost_s_max is not None and plan.cost_s > cost_s_max:
        facts = plan.model_dump()
        detail = f"This backfill would cost {plan.cost_s:.0f} s of one slot, and {cost_s_max:g} s were allowed."
        raise ProblemError(409, "too_dear", detail, next_step="Allow more, or backfill fewer projects.", plan=facts)
    announced = await backfills.start(request.user, extractor, again=again)
    return Response(Backfill(**plan.model_dump(), announced=announced), status_code=202)


async def _extractor(reads: Reads, name: str) -> ExtractorDocument:
    for each in await reads.extractors():
        if each.id == name:
            return each
    raise ProblemError(404, "not_found", f"There is no extractor named {name[:64]}.")


def _lacking(caller: Caller, extractor: ExtractorDocument) -> list[dict[str, Any]]:
    mine = {"name": extractor.id, "version": extractor.version, "success": True}
    ready = {"state": State.COMPLETED, "audio": {"$ne": None}, "deleted_at": None}
    return [
        {"$match": {**ready, "project_id": {"$in": list(caller.project_ids)}}},
        {
            "$lookup": {
                "from": ANALYSES,
                "localField": "_id",
                "foreignField": "recording_id",
                "pipeline": [
                    {"$match": {"manifest_key": {"$ne": None}}},
                    {"$project": {"decoded_s": "$duration_decoded_s", "has": {"$anyElementTrue": [_each_is(mine)]}}},
                ],
                "as": "analyses",
            }
        },
        {"$match": {"analyses.has": {"$ne": True}}},
        {"$set": {"decoded_s": {"$max": "$analyses.decoded_s"}}},
        {"$unset": ["analyses", "outbox"]},
    ]


def _each_is(mine: dict[str, Any]) -> dict[str, Any]:
    same = [{"$eq": [f"$$entry.{name}", value]} for name, value in mine.items()]
    return {"$map": {"input": "$extractors", "as": "entry", "in": {"$and": same}}}


def _request_id(recording_id: str, extractor: ExtractorDocument, series: str) -> str:
    facts = f"backfill/{recording_id}/{extractor.id}/{extractor.version}/{series}".rstrip("/")
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
