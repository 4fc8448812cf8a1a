"""The extractors of this service, published as documents: readers see them while no worker runs."""

import json
from collections.abc import Collection as Names
from collections.abc import Mapping
from datetime import UTC, datetime

from chassis.documents import Database
from contracts.documents import EXTRACTORS as COLLECTION
from contracts.documents import ExtractorDocument

from .extractors import Device, Extractor, OptIn
from .extractors.settable import parameters_schema


async def publish_extractors(
    extractors: Mapping[str, Extractor], database: Database, *, by_default: Names[str]
) -> None:
    """Write a document per extractor, and remove those of extractors that are not offered."""
    for extractor in extractors.values():
        document = _document(extractor, by_default=extractor.name in by_default)
        await database[COLLECTION].replace_one({"_id": document.id}, document.model_dump(by_alias=True), upsert=True)
    await database[COLLECTION].delete_many({"_id": {"$nin": list(extractors)}})


def _document(extractor: Extractor, *, by_default: bool) -> ExtractorDocument:
    return ExtractorDocument(
        id=extractor.name,
        version=extractor.version,
        description=extractor.description,
        device=Device(extractor.device).value,
        needs=str(extractor.needs),
        cost_per_audio_s=extractor.cost_per_audio_s,
        by_default=by_default,
        licence=extractor.licence if isinstance(extractor, OptIn) else None,
        parameters_schema=json.dumps(parameters_schema(extractor)),
        published_at=datetime.now(UTC),
    )
