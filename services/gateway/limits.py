"""Limits per caller: requests per minute over all replicas, and uploads and streams at once on this one."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chassis.documents import Collection
from chassis.problems import ProblemError
from contracts.documents import RateDocument

WINDOW_S = 60
# A replica counts so many requests in advance: one round trip in fifty, and a fiftieth lost to a replica that idles.
_LEASES = 50


class RateClass(StrEnum):
    """Routes that cost alike, and share a limit."""

    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    SEARCH = "search"
    STREAM = "stream"


@dataclass(frozen=True)
class Standing:
    """Where a caller stands with a class of routes, for the headers of draft-ietf-httpapi-ratelimit-headers-10."""

    rate: RateClass
    quota: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """Return the two header fields: the policy, and what is left of it."""
        return {
            "RateLimit-Policy": f'"{self.rate}";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"{self.rate}";r={self.remaining};t={self.reset_s}',
        }


@dataclass
class _Lease:
    left: int = 0
    counted: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Requests per caller, class and minute; those of all replicas together never exceed the quota.

    A replica leases its requests from a counter in MongoDB, some at once, and what it leased but does not use in the
    minute is lost to the others. Minutes are those of the clock, so twice the quota fits around the turn of one.
    """

    def __init__(
        self, collection: Collection, quotas: Mapping[RateClass, int], now: Callable[[], float] = time.time
    ) -> None:
        self._collection = collection
        self._quotas = quotas
        self._now = now
        self._window = 0
        self._leases: dict[tuple[str, RateClass], _Lease] = {}

    async def prepare(self) -> None:
        """Make the index that forgets counters."""
        await self._collection.create_index("until", name="forgotten", expireAfterSeconds=0)

    async def spend(self, caller_id: str, rate: RateClass) -> Standing | None:
        """Count a request; None where there is no limit. Raises a problem of status 429 when none is left."""
        quota = self._quotas[rate]
        if quota == 0:
            return None
        window, into_s = divmod(self._now(), WINDOW_S)
        reset_s = max(1, round(WINDOW_S - into_s))
        lease = self._lease(int(window), caller_id, rate)
        async with lease.lock:
            if lease.left == 0 and lease.counted < quota:
                await self._renew(lease, f"{caller_id}/{rate}/{int(window)}", quota)
            if lease.left == 0:
                raise _exhausted(Standing(rate, quota, 0, reset_s))
            lease.left -= 1
        return Standing(rate, quota, max(0, quota - lease.counted) + lease.left, reset_s)

    def _lease(self, window: int, caller_id: str, rate: RateClass) -> _Lease:
        if window != self._window:
            self._window = window
            self._leases.clear()
        return self._leases.setdefault((caller_id, rate), _Lease())

    async def _renew(self, lease: _Lease, counter_id: str, quota: int) -> None:
        wanted = max(1, quota // _LEASES)
        until = datetime.now(UTC) + timedelta(seconds=2 * WINDOW_S)
        raw = await self._collection.find_one_and_update(
            {"_id": counter_id},
            {"$inc": {"counted": wanted}, "$setOnInsert": {"until": until}},
            upsert=True,
            return_document=True,
        )
        counted = RateDocument.model_validate(raw).counted
        lease.left = max(0, min(wanted, quota - (counted - wanted)))
        lease.counted = min(quota, counted)


class Slots:
    """What one caller may have under way at once on this replica, by class; classes without a bound have none."""

    def __init__(self, bounds: Mapping[RateClass, int]) -> None:
        self._bounds = bounds
        self._taken: Counter[tuple[str, RateClass]] = Counter()

    @contextmanager
    def taken(self, caller_id: str, rate: RateClass) -> Iterator[None]:
        """Have a slot for a while. Raises a problem of status 429 when the caller has all of them."""
        bound = self._bounds.get(rate, 0)
        if bound and self._taken[caller_id, rate] >= bound:
            raise _crowded(rate, bound)
        self._taken[caller_id, rate] += 1
        try:
            yield
        finally:
            self._taken[caller_id, rate] -= 1
            if not self._taken[caller_id, rate]:
                del self._taken[caller_id, rate]


def _exhausted(standing: Standing) -> ProblemError:
    return ProblemError(
        429,
        "rate_limited",
        f"More than {standing.quota} requests of the class {standing.rate} in a minute.",
        next_step="Send it again after the time in Retry-After.",
        headers={**standing.headers(), "Retry-After": str(standing.reset_s)},
    )


def _crowded(rate: RateClass, bound: int) -> ProblemError:
    return ProblemError(
        429,
        "too_many_at_once",
        f"You have {bound} requests of the class {rate} under way at once already.",
        next_step="Let one of them end first.",
        headers={"Retry-After": "1"},
    )
