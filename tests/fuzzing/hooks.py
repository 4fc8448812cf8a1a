"""What Schemathesis is told of the place it fuzzes; it finds this module by `SCHEMATHESIS_HOOKS`."""

import json
import os
import random
from pathlib import Path
from typing import Any

import httpx
import schemathesis

from .place import ENDING

PLACE = json.loads(os.environ["DAWNCHORUS_FUZZED"])
# In the others a name stands that was made up, as it does in requests of people who mistype.
SHARE_OF_KNOWN = 0.75
SHARE_OF_AUDIO = 0.5
CHOICE = random.Random(20)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Have most requests name something that is there, some send audio, and no webhook an address elsewhere."""
    operation_id = case.operation.definition.raw.get("operationId")
    known = PLACE["ending" if operation_id in ENDING else "lasting"]
    _know(case.path_parameters, known)
    in_project = {"project": known["project"]}
    _know(case.query, in_project)
    _know(case.body, in_project)
    if isinstance(case.query, dict) and "wait" in case.query:
        case.query["wait"] = _soon(case.query["wait"])
    if isinstance(case.body, dict):
        for opened in each if isinstance(each := case.body.get("projects"), list) else ():
            _know(opened, in_project)
        if isinstance(url := case.body.get("url"), str):
            case.body["url"] = _within(url)
    is_whole = operation_id == "uploadRecording" and case.media_type == "application/octet-stream"
    if is_whole and CHOICE.random() < SHARE_OF_AUDIO:
        case.body = Path(PLACE["audio"]).read_bytes() + CHOICE.randbytes(2)


def _know(names: Any, known: dict[str, str]) -> None:
    if isinstance(names, dict):
        for name in names.keys() & known.keys():
            if CHOICE.random() < SHARE_OF_KNOWN:
                names[name] = known[name]


def _soon(wait: Any) -> Any:
    # A minute of waiting is allowed, and tells nothing more.
    return min(wait, 0.1) if isinstance(wait, int | float) else wait


def _within(url: str) -> str:
    if "://" not in url:
        return url
    try:
        return str(httpx.URL(url).copy_with(host="127.0.0.1", port=9))
    except httpx.InvalidURL:
        return url
