"""Guards whose servers are down when a test says so."""

from collections.abc import Callable
from contextlib import suppress

from chassis.breaker import BreakerRules
from chassis.errors import BrokerUnavailableError, ObjectStoreError, OpenBreakerError, says_outage
from chassis.guard import Dependency, Guard, Symptoms
from tests.component.polling import eventually

QUICK = BreakerRules(window_s=10, calls_min=2, failure_ratio=0.5, open_s=0.01, open_max_s=0.04)
LASTING = BreakerRules(window_s=10, calls_min=2, failure_ratio=0.5, open_s=600, open_max_s=600)


class AwayError(ObjectStoreError):
    """A server does not answer."""

    def __init__(self) -> None:
        super().__init__("Get", "key", "nobody answers")


class StillAwayError(OpenBreakerError, AwayError):
    """It was not even asked."""


def a_guard(
    dependency: Dependency = Dependency.S3, rules: BreakerRules = LASTING, now: Callable[[], float] | None = None
) -> Guard:
    """Return a guard that is closed, before a server that tests only imagine."""
    symptoms = Symptoms((ObjectStoreError, BrokerUnavailableError), says_outage, StillAwayError)
    return Guard(dependency, symptoms, rules) if now is None else Guard(dependency, symptoms, rules, now=now)


def guards() -> dict[Dependency, Guard]:
    """Return one for each server, all closed; none is tried by itself."""
    return {each: a_guard(each, QUICK) for each in Dependency}


def take_away(guard: Guard) -> None:
    """Have calls fail until the guard lets none through."""
    while guard.is_usable:
        guard.settle(guard.permit(), AwayError())


async def bring_back(guard: Guard) -> None:
    """Have a call succeed as soon as one goes through."""

    async def is_tried() -> bool:
        with suppress(OpenBreakerError):
            guard.settle(guard.permit(), None)
        return guard.is_usable

    await eventually(is_tried)
