"""What RabbitMQ notes of a message's deaths, in headers that a sender could write, too.

RabbitMQ 3.10 breaks down over an `x-death` that it did not write, and then no message of that queue is parked or
comes back from the ladder any more: such a message must not die before its headers are taken off.
"""

from collections.abc import Mapping
from typing import Any

_DEATHS = "x-death"
_BROKERS_OWN = ("x-death", "x-delivery-count", "x-first-death-", "x-last-death-")


def is_forged(headers: Mapping[str, Any]) -> bool:
    """Say whether a message tells of deaths in words that are not the broker's."""
    deaths = headers.get(_DEATHS, [])
    return not isinstance(deaths, list) or not all(map(_is_told_by_broker, deaths))


def without_deaths(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers that a sender gave."""
    return {name: value for name, value in headers.items() if not name.startswith(_BROKERS_OWN)}


def _is_told_by_broker(death: object) -> bool:
    words = ("queue", "reason", "exchange")
    return isinstance(death, dict) and all(isinstance(death.get(word), str) for word in words)
