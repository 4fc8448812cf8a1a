"""The JSON beside a recording's images: what each one shows, for programs that read no PNG."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from contracts.rendering import RenderParameters

from .geometry import Geometry
from .notes import computation


def sidecar(
    geometries: Mapping[str, Geometry], parameters: RenderParameters, facts: Mapping[str, Any], *, hop: int
) -> bytes:
    """Return the sidecar, the same bytes for the same content.

    geometries  by the image's name; beside each, how many decibels an index is, null in PCEN
    parameters  that the images were rendered with
    facts       of the recording: rate_hz, duration_s, reference_dbfs
    hop         how many samples lay between transforms, whatever the parameters ask
    """
    computed = computation(parameters, hop=hop)
    content = {
        "images": {
            name: {**asdict(geometry), "db_per_index": computed["db_per_index"]}
            for name, geometry in geometries.items()
        },
        "computation": computed,
        "parameters": parameters.document(),
        "recording": dict(facts),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
