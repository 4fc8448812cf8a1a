"""Parts of an object over HTTP: one range of bytes (RFC 9110), or the whole."""

import re

from chassis.problems import ProblemError

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def asked_range(header: str | None, size_bytes: int) -> range | None:
    """Return the bytes that a `Range` header asks for; None for the whole.

    What is no range of bytes, or several, is left aside, as the RFC allows. Raises a problem of status 416 where none
    of the asked bytes exist.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if first:
        start, stop = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    else:
        start, stop = max(0, size_bytes - int(last)), size_bytes
    if start >= stop:
        headers = {"Content-Range": f"bytes */{size_bytes}"}
        raise ProblemError(416, "no_such_range", f"This object has {size_bytes} bytes.", headers=headers)
    return range(start, stop)
