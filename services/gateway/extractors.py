"""The route of extractors: what can be asked of the analysis."""

import json
from typing import Any

from litestar import get
from pydantic import BaseModel, Field

from contracts.documents import ExtractorDocument

from .access import KNOWN
from .reads import Reads


class ExtractorView(BaseModel):
    """One extractor: what it measures, what may be set, what it costs."""

    name: str
    version: str
    description: str
    device: str
    needs: str
    cost_per_audio_s: float
    by_default: bool
    licence: str | None = Field(description="The terms of what it computes with, where there are any.")
    parameters: dict[str, Any]


class ExtractorList(BaseModel):
    """Every extractor that there is."""

    available: list[ExtractorView]


@get("/extractors", operation_id="listExtractors", needs=KNOWN, tags=["extractors"])
async def list_extractors(reads: Reads) -> ExtractorList:
    """List the extractors with their versions, devices, costs (CPU seconds per audio second) and parameters."""
    return ExtractorList(available=[_view(each) for each in await reads.extractors()])


def _view(document: ExtractorDocument) -> ExtractorView:
    facts = document.model_dump(exclude={"id", "parameters_schema", "published_at"})
    return ExtractorView(name=document.id, parameters=json.loads(document.parameters_schema), **facts)
