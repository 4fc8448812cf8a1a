"""One spelling of a JSON value, for hashes."""

import json
from typing import Any


def canonical_json(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """Return the one spelling of `value` that hashes are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
