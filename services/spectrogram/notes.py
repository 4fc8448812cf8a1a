"""What an image says of itself in its text chunks, and the sidecar beside it: how pixels read, how they were made."""

import json
from collections.abc import Mapping
from typing import Any

from contracts.recolour import COMPUTATION_TEXT_KEY, TEXT_KEY
from contracts.rendering import ENGINE_VERSION, RenderParameters

LAST_INDEX = 255


def notes(reading: Mapping[str, Any], parameters: RenderParameters, *, hop: int) -> dict[str, str]:
    """Return the texts of an image by key: how to read it, which new colours reword, and how it was computed.

    reading  its geometry, and what else is to be known of this one image
    hop      how many samples lay between transforms, whatever was asked for
    """
    return {**reading_note(reading), COMPUTATION_TEXT_KEY: _written(computation(parameters, hop=hop))}


def reading_note(reading: Mapping[str, Any]) -> dict[str, str]:
    """Return the one text of an image that no transform was needed for."""
    return {TEXT_KEY: _written({**reading, "engine": ENGINE_VERSION})}


def computation(parameters: RenderParameters, *, hop: int) -> dict[str, Any]:
    """Return how the cells of an image were computed; an index has no decibels in PCEN."""
    return {
        "window": parameters.window,
        "window_size": parameters.window_size,
        "hop": hop,
        "pool": parameters.pool,
        "channel": parameters.channel,
        "pcen": parameters.pcen,
        "db_per_index": None if parameters.pcen else (parameters.ceiling_db - parameters.floor_db) / LAST_INDEX,
    }


def _written(note: Mapping[str, Any]) -> str:
    return json.dumps(note, separators=(",", ":"), allow_nan=False)
