"""Bodies of JSON: bounded in depth, and in the time that they take to come."""

import asyncio
import re
from typing import Any

from litestar import Request

from chassis.bodies import too_slow
from chassis.problems import ProblemError

DEPTH_MAX = 32
COME_WITHIN_S = 30.0

# Possessive, and a string may lack its end: otherwise a body of many quotes would be searched again from each of them.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class BoundedRequest(Request[Any, Any, Any]):
    """A request whose JSON is no deeper than anybody needs; a deeper one costs the stack of whoever walks it."""

    async def json(self) -> Any:  # noqa: ANN401 (Litestar's signature)
        """Return the body. Raises a problem for one that is too deep, or too slow in coming."""
        try:
            async with asyncio.timeout(COME_WITHIN_S):
                body = await self.body()
        except TimeoutError as error:
            raise too_slow(f"The body did not come within {COME_WITHIN_S:g} s.") from error
        if is_deep(body):
            raise ProblemError(400, "bad_request", f"The body is nested more than {DEPTH_MAX} deep.")
        try:
            return await super().json()
        except UnicodeDecodeError as error:
            raise ProblemError(400, "bad_request", "The body is no UTF-8.") from error


def is_deep(body: bytes) -> bool:
    """Tell whether JSON is nested deeper than `DEPTH_MAX`; what is no JSON is for the parser to say."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for found in _BRACKETS.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > DEPTH_MAX:
            return True
    return False
