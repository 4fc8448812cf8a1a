"""The JSON beside a recording's images: what each one shows, for programs that read no PNG."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .geometry import Geometry

LAST_INDEX = 255


def sidecar(geometries: Mapping[str, Geometry], parameters: Mapping[str, Any], facts: Mapping[str, Any]) -> bytes:
    """Return the sidecar, the same bytes for the same content.

    geometries  by the image's name; beside each, how many decibels an index is, null in PCEN
    parameters  that the images were rendered with, engine version included
    facts       of the recording: rate_hz, duration_s, reference_dbfs
    """
    images = {name: _reading(geometry) for name, geometry in geometries.items()}
    content = {"images": images, "parameters": dict(parameters), "recording": dict(facts)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _reading(geometry: Geometry) -> dict[str, Any]:
    floor_db, ceiling_db = geometry.floor_db, geometry.ceiling_db
    db_per_index = None if floor_db is None or ceiling_db is None else (ceiling_db - floor_db) / LAST_INDEX
    return {**asdict(geometry), "db_per_index": db_per_index}
