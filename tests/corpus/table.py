"""Every case there is."""

from collections.abc import Iterator
from functools import partial

from tests.e2e.hostile import Hostile, hostile_requests

from .addresses import addresses
from .case import Case, Door
from .messages import messages
from .names import names
from .recordings import recordings


def cases() -> Iterator[Case]:
    """Yield all but the requests, which have an end-to-end test of their own."""
    yield from recordings()
    yield from names()
    yield from addresses()
    yield from messages()


def requests() -> Iterator[Case]:
    """Yield every hostile request."""
    for each in hostile_requests():
        yield Case(f"request: {each.name}", "request", Door.REQUEST, partial(_itself, each))


def _itself(request: Hostile) -> Hostile:
    return request
