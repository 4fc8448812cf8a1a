"""Tells webhooks what is due: signed, within bounds, and again later where an address did not take it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from chassis.documents import PyMongoError
from chassis.errors import DawnchorusError
from chassis.metrics import WEBHOOK_ATTEMPTS
from chassis.outward import OutwardClient
from chassis.waking import WakeableSleep
from contracts.event_documents import Attempt, DeliveryDocument, DeliveryState, WebhookDocument

from .deliveries import PING, Deliveries
from .live import Shown
from .signing import signed_headers
from .webhooks import Webhooks, signing_secrets

log = structlog.get_logger()

# One slow address takes no more than its share of the slots.
SLOTS_PER_WEBHOOK = 4
POLL_S = 1.0

_GONE = 410
_READ_BYTES = 1024
_JITTER = 0.1


@dataclass(frozen=True)
class Ladder:
    """When an address that did not take a delivery is asked again, and when it is given up."""

    delays_s: tuple[float, ...]
    disable_after_s: float

    def next_due(self, attempts: int, now: datetime) -> datetime | None:
        """Return when to ask again after so many attempts; None when that was the last one."""
        if attempts > len(self.delays_s):
            return None
        # Whatever failed together need not come back together.
        return now + timedelta(seconds=self.delays_s[attempts - 1] * random.uniform(1, 1 + _JITTER))


class WebhookSender:
    """Makes the deliveries that are due, several at once, on every replica."""

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        client: OutwardClient,
        ladder: Ladder,
        *,
        slots: int,
        lease_s: float,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._client = client
        self._ladder = ladder
        self._slots = slots
        self._lease_s = lease_s
        self._under_way: Counter[str] = Counter()
        self._sleep = WakeableSleep()

    async def note(self, shown: Sequence[Shown]) -> None:
        """Have webhooks told of these events; the same again is no other delivery."""
        if await self._deliveries.note(shown):
            self.wake()

    def wake(self) -> None:
        """Say that something is due now."""
        self._sleep.wake()

    async def run(self) -> None:
        """Deliver for ever: at once when woken, and at every poll for what is due again."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._start_due(group)
                except PyMongoError as error:
                    log.warning("webhooks_waiting", reason=str(error))
                await self._sleep.at_most(POLL_S)

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        while self._under_way.total() < self._slots:
            busy = [webhook_id for webhook_id, count in self._under_way.items() if count >= SLOTS_PER_WEBHOOK]
            claimed = await self._deliveries.claim(busy, self._lease_s)
            if claimed is None:
                return
            self._under_way[claimed.webhook_id] += 1
            group.create_task(self._make(claimed))

    async def _make(self, claimed: DeliveryDocument) -> None:
        try:
            await self._deliver(claimed)
        except PyMongoError as error:
            # What is not written down is made again when the lease has run out.
            log.warning("webhooks_waiting", reason=str(error))
        finally:
            self._under_way[claimed.webhook_id] -= 1
            self._under_way += Counter()
            self.wake()

    async def _deliver(self, claimed: DeliveryDocument) -> None:
        webhook = await self._webhooks.known(claimed.webhook_id)
        if webhook is None or not (webhook.enabled or claimed.type == PING):
            await self._deliveries.cancel(claimed)
            return
        attempt = await self._ask(webhook, claimed)
        is_delivered = attempt.status is not None and 200 <= attempt.status < 300
        WEBHOOK_ATTEMPTS.labels("delivered" if is_delivered else "failed").inc()
        if is_delivered:
            await self._deliveries.attempted(claimed, attempt, DeliveryState.DELIVERED)
            await self._webhooks.note_success(webhook.id)
            return
        await self._note_failure(webhook, claimed, attempt)

    async def _ask(self, webhook: WebhookDocument, claimed: DeliveryDocument) -> Attempt:
        at, started_s = datetime.now(UTC), time.monotonic()
        body = claimed.text.encode()
        headers = {
            "content-type": "application/cloudevents+json",
            "user-agent": "Dawnchorus",
            **signed_headers(claimed.event_id, int(at.timestamp()), body, signing_secrets(webhook, at)),
        }
        status, error = None, None
        try:
            status = (await self._client.post(webhook.url, body, headers, read_bytes=_READ_BYTES)).status
        except DawnchorusError as failure:
            error = str(failure)
        return Attempt(at=at, latency_s=round(time.monotonic() - started_s, 4), status=status, error=error)

    async def _note_failure(self, webhook: WebhookDocument, claimed: DeliveryDocument, attempt: Attempt) -> None:
        due_at = self._ladder.next_due(len(claimed.attempts) + 1, datetime.now(UTC)) if claimed.type != PING else None
        state = DeliveryState.WAITING if due_at is not None else DeliveryState.FAILED
        await self._deliveries.attempted(claimed, attempt, state, due_at)
        log.warning("webhook_failed", webhook_id=webhook.id, status=attempt.status, reason=attempt.error)
        if claimed.type == PING:
            return
        failing_since = await self._webhooks.note_failure(webhook.id, attempt.at)
        if attempt.status == _GONE:
            await self._disable(webhook, "The address answered 410: it wants no more.")
        elif attempt.at - failing_since >= timedelta(seconds=self._ladder.disable_after_s):
            await self._disable(webhook, f"The address has taken nothing since {failing_since:%Y-%m-%d %H:%M} UTC.")

    async def _disable(self, webhook: WebhookDocument, because: str) -> None:
        await self._webhooks.disable(webhook.id, because)
        log.error("webhook_disabled", webhook_id=webhook.id, reason=because)
