"""What a log line may hold: the fields named here, and no secret in any of them."""

import re
from collections.abc import MutableMapping
from typing import Any

# No name of a recording, no address, no body: who needs another field says so here.
FIELDS = frozenset(
    (
        *("event", "level", "timestamp", "service", "exception", "stack", "dropped"),
        *("trace_id", "event_id", "recording_id", "task_id", "upload_id", "webhook_id", "dead_letter_id"),
        *("attempt", "attempts", "crashes", "delay", "duration_s", "after_last_byte_s", "size_bytes", "duplicate"),
        *("code", "sentence", "next_step", "reason", "state", "status", "collection", "extractor", "model"),
        *("offset", "recorded", "recordings", "goes_on", "path", "dependency", "open_s"),
        # Keys of objects are made of our own ids.
        *("key", "begun_at", "batch_id", "document_id", "folder", "pool", "repeats", "is_stuck"),
    )
)
HIDDEN = "[hidden]"

_SECRETS = re.compile(
    r"(?<=://)[^/@\s\"']+(?=@)"  # who we are to a server
    r"|\bdc_[A-Za-z0-9]+_[A-Za-z0-9_-]+"  # an API key
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=-]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a token
    r"|(?<=X-Amz-Signature=)\w+|(?<=X-Amz-Credential=)[^&\s\"']+"  # a presigned URL
)

Line = MutableMapping[str, Any]


def keep_known_fields(_: object, __: str, line: Line) -> Line:
    """Drop the fields that nobody named, and say which they were."""
    unknown = sorted(line.keys() - FIELDS)
    for name in unknown:
        del line[name]
    if unknown:
        line["dropped"] = unknown
    return line


def hide_secrets(_: object, __: str, line: Line) -> Line:
    """Take credentials out of texts, whoever wrote them."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = _SECRETS.sub(HIDDEN, value)
    return line
