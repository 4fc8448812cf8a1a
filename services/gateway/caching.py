"""What clients may keep, and the answer to those who have it already (RFC 9110, 13.1.2)."""

import re
from typing import Any

from litestar import Request, Response

# What is there stays as it is until it is rendered anew.
CACHED = {"Cache-Control": "private, max-age=60"}
# What has its version in its URL is another URL when it is rendered anew.
LASTING = {"Cache-Control": "private, max-age=86400, immutable"}

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def tagged(tag: str, *, lasting: bool = False) -> dict[str, str]:
    """Return the headers of what clients may keep under an entity tag, quoted; `lasting`: without asking again."""
    return {"ETag": tag, **(LASTING if lasting else CACHED)}


def unchanged(request: Request[Any, Any, Any], headers: dict[str, str]) -> Response[Any] | None:
    """Return the 304 for a client that names our `ETag` in its If-None-Match; None where it needs the content."""
    if is_named(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return None


def is_named(if_none_match: str | None, tag: str) -> bool:
    """Tell whether a header's list, weak tags included, or its asterisk names `tag`."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _ENTITY_TAG.findall(if_none_match)
