"""One case: what is sent, by which door, and the documented ways in which it may end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Content = bytes

# Beside the codes of errors: all went well; well, but with a warning; there was nothing left to do.
COMPLETED, TRUNCATED, PASSED_OVER = "completed", "truncated", "passed over"
# A message that no retry helps lies in the gateway's dead letters.
PARKED = "parked"
# The broker did not take it.
REFUSED = "refused by the broker"


class Door(StrEnum):
    """By which way a case comes in."""

    UPLOAD = "upload"
    IMPORT = "import"
    WEBHOOK = "webhook"
    MESSAGE = "message"
    REQUEST = "request"


@dataclass(frozen=True)
class Sending:
    """One upload: its bytes, and what goes with them."""

    content: Content
    name: bytes = b"recording"
    headers: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One thing that nobody should send.

    build  makes what the door takes: bytes or a `Sending`, a URI, a `Message`, a `Hostile` request
    ends   the codes of which it has one; empty: any that is documented, but none of 5xx
    """

    name: str
    family: str
    door: Door
    build: Callable[[], Any]
    ends: frozenset[str] = frozenset()
