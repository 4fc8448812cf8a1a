"""Deliveries: one document for each event and webhook, which one replica after the other may claim."""

import json
import uuid
from collections.abc import Collection as Members
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.documents import Database, insert_new
from chassis.problems import ProblemError
from contracts.event_documents import DELIVERIES, Attempt, DeliveryDocument, DeliveryState, WebhookDocument

from .live import Shown
from .webhooks import Webhooks

PING = "webhook.ping"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LogCursor:
    """The last delivery of a part of the log."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.id}"

    @classmethod
    def read(cls, text: str) -> "LogCursor":
        """Return the cursor that a client gives back; one that is none of ours is a 400."""
        at, _, id_ = text.partition(" ")
        try:
            return cls(datetime.fromisoformat(at).astimezone(UTC), id_)
        except (ValueError, OverflowError) as error:
            raise ProblemError(400, "bad_cursor", "This cursor is none of ours; begin again without one.") from error


class Deliveries:
    """What is to be told to whom, and what came of it."""

    def __init__(self, database: Database, webhooks: Webhooks, kept_days: float) -> None:
        self._collection = database[DELIVERIES]
        self._webhooks = webhooks
        self._kept = timedelta(days=kept_days)

    async def prepare(self) -> None:
        """Make the indexes of what is due and of each webhook's log, and have old deliveries removed."""
        await self._collection.create_index([("state", 1), ("due_at", 1)], name="due")
        await self._collection.create_index([("webhook_id", 1), ("created_at", -1), ("_id", -1)], name="log")
        await self._collection.create_index("expires_at", expireAfterSeconds=0, name="expiry")

    async def note(self, shown: Sequence[Shown]) -> int:
        """Have every webhook told that wants to hear of these events; again is the same; return how many are new."""
        webhooks = await self._webhooks.listening(sorted({each.envelope.event.project_id for each in shown}))
        made = [self._new(webhook, each) for each in shown for webhook in webhooks if _wants(webhook, each)]
        return await insert_new(self._collection, [each.model_dump(by_alias=True) for each in made])

    async def ping(self, webhook: WebhookDocument) -> DeliveryDocument:
        """Have one webhook told nothing but that it is heard."""
        id_, now = str(uuid.uuid4()), datetime.now(UTC)
        message = {"specversion": "1.0", "id": id_, "source": "dawnchorus/gateway", "type": PING, "data": {}}
        text = json.dumps({**message, "time": now.isoformat().replace("+00:00", "Z")})
        delivery = self._document(webhook, id_, PING, text)
        await self._collection.insert_one(delivery.model_dump(by_alias=True))
        return delivery

    async def claim(self, busy: Members[str], lease_s: float) -> DeliveryDocument | None:
        """Return a delivery that is due, of none of the `busy` webhooks; nobody else has it until the lease ends."""
        now = datetime.now(UTC)
        raw = await self._collection.find_one_and_update(
            {"state": DeliveryState.WAITING, "due_at": {"$lte": now}, "webhook_id": {"$nin": list(busy)}},
            {"$set": {"due_at": now + timedelta(seconds=lease_s)}, "$inc": {"claims": 1}},
            sort=[("due_at", 1)],
            return_document=True,
        )
        return DeliveryDocument.model_validate(raw) if raw is not None else None

    async def attempted(
        self, claimed: DeliveryDocument, attempt: Attempt, state: DeliveryState, due_at: datetime | None = None
    ) -> None:
        """Write what came of an attempt, unless another replica has taken the delivery over."""
        await self._collection.update_one(
            {"_id": claimed.id, "claims": claimed.claims, "state": DeliveryState.WAITING},
            {"$set": {"state": state, "due_at": due_at or _EPOCH}, "$push": {"attempts": attempt.model_dump()}},
        )

    async def cancel(self, claimed: DeliveryDocument) -> None:
        """Tell it nobody: the webhook is gone or disabled."""
        await self._collection.update_one(
            {"_id": claimed.id, "claims": claimed.claims}, {"$set": {"state": DeliveryState.CANCELLED}}
        )

    async def repeat(self, webhook_id: str, event_id: str) -> DeliveryDocument:
        """Have an event told again, whatever came of it before; an unknown one is a 404."""
        raw = await self._collection.find_one_and_update(
            {"_id": f"{webhook_id}/{event_id}"},
            {"$set": {"state": DeliveryState.WAITING, "due_at": datetime.now(UTC)}, "$inc": {"claims": 1}},
            return_document=True,
        )
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no delivery of {event_id[:64]} here.")
        return DeliveryDocument.model_validate(raw)

    async def log(
        self, webhook_id: str, state: DeliveryState | None, before: LogCursor | None, limit: int
    ) -> list[DeliveryDocument]:
        """Return deliveries of a webhook, the newest first."""
        query: dict[str, Any] = {"webhook_id": webhook_id, **({"state": state} if state is not None else {})}
        if before is not None:
            query["$or"] = [
                {"created_at": {"$lt": before.at}},
                {"created_at": before.at, "_id": {"$lt": before.id}},
            ]
        rows = self._collection.find(query).sort([("created_at", -1), ("_id", -1)]).limit(limit)
        return [DeliveryDocument.model_validate(raw) async for raw in rows]

    def _new(self, webhook: WebhookDocument, shown: Shown) -> DeliveryDocument:
        return self._document(webhook, shown.envelope.id, shown.envelope.type, shown.text)

    def _document(self, webhook: WebhookDocument, event_id: str, type_: str, text: str) -> DeliveryDocument:
        now = datetime.now(UTC)
        return DeliveryDocument(
            id=f"{webhook.id}/{event_id}",
            webhook_id=webhook.id,
            project_id=webhook.project_id,
            event_id=event_id,
            type=type_,
            text=text,
            due_at=now,
            created_at=now,
            expires_at=now + self._kept,
        )


def _wants(webhook: WebhookDocument, shown: Shown) -> bool:
    envelope = shown.envelope
    # A stream that is read again holds events from before the webhook was made.
    if webhook.project_id != envelope.event.project_id or envelope.time < webhook.created_at:
        return False
    return not webhook.types or envelope.type in webhook.types
