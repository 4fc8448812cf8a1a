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
from .shared import OF_SPECTRA


async def publish_extractors(
    extractors: Mapping[str, Extractor], database: Database, *, by_default: Names[str], on_gpu: bool = False
) -> None:
    """Write a document per extractor, and remove those of extractors that are not offered.

    With `on_gpu`, spectra are computed there, and what reads them says so.
    """
    for extractor in extractors.values():
        device = Device.GPU if on_gpu and extractor.needs in OF_SPECTRA else Device(extractor.device)
        document = _document(extractor, device, by_default=extractor.name in by_default)
        await database[COLLECTION].replace_one({"_id": document.id}, document.model_dump(by_alias=True), upsert=True)
    await database[COLLECTION].delete_many({"_id": {"$nin": list(extractors)}})


def _document(extractor: Extractor, device: Device, *, by_default: bool) -> ExtractorDocument:
    return ExtractorDocument(
        id=extractor.name,
        version=extractor.version,
        description=extractor.description,
        device=device.value,
        needs=str(extractor.needs),
        cost_per_audio_s=extractor.cost_per_audio_s,
        by_default=by_default,
        licence=extractor.licence if isinstance(extractor, OptIn) else None,
        parameters_schema=json.dumps(parameters_schema(extractor)),
        published_at=datetime.now(UTC),
    )
