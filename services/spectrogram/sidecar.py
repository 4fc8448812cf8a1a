"""The JSON beside a recording's images: what each one shows, for programs that read no PNG."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .geometry import Geometry


def sidecar(geometries: Mapping[str, Geometry], parameters: Mapping[str, Any], facts: Mapping[str, Any]) -> bytes:
    """Return the sidecar, the same bytes for the same content.

    geometries  by the image's name
    parameters  that the images were rendered with, engine version included
    facts       of the recording: rate_hz, duration_s, reference_dbfs
    """
    images = {name: asdict(geometry) for name, geometry in geometries.items()}
    content = {"images": images, "parameters": dict(parameters), "recording": dict(facts)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
