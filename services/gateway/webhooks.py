"""Webhooks: who is to be told of a project's events, and with which secret; the gateway is the only writer."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.event_documents import WEBHOOKS, WebhookDocument

from .keys import Caller
from .signing import new_secret

# As long as receivers have to take a new secret over.
FORMER_KEPT = timedelta(days=1)
WEBHOOKS_MAX = 100


class Webhooks:
    """The addresses that are told of events."""

    def __init__(self, database: Database) -> None:
        self._collection = database[WEBHOOKS]

    async def prepare(self) -> None:
        """Make the index by which a project's webhooks are found."""
        await self._collection.create_index([("project_id", 1), ("created_at", 1)], name="by_project")

    async def create(self, project_id: str, url: str, types: Sequence[str], description: str) -> WebhookDocument:
        """Store a new webhook; its secret is in what is returned, and shown to its maker alone."""
        if await self._collection.count_documents({"project_id": project_id}, limit=WEBHOOKS_MAX) == WEBHOOKS_MAX:
            raise ProblemError(
                409,
                "too_many_webhooks",
                f"A project has at most {WEBHOOKS_MAX} webhooks.",
                next_step="Delete one that nobody needs.",
            )
        webhook = WebhookDocument(
            id=str(uuid.uuid4()),
            project_id=project_id,
            url=url,
            types=tuple(types),
            description=description,
            secret=new_secret(),
            created_at=datetime.now(UTC),
        )
        await self._collection.insert_one(webhook.model_dump(by_alias=True))
        return webhook

    async def of(self, caller: Caller) -> list[WebhookDocument]:
        """Return every webhook of the projects in which the caller may see them."""
        rows = self._collection.find({"project_id": {"$in": list(caller.project_ids)}}).sort("created_at", 1)
        return [WebhookDocument.model_validate(raw) async for raw in rows]

    async def one(self, caller: Caller, webhook_id: str) -> WebhookDocument:
        """Return a webhook; an unknown one, or one of somebody else's project, is a 404."""
        raw = await self._collection.find_one({"_id": webhook_id, "project_id": {"$in": list(caller.seen_project_ids)}})
        if raw is None:
            raise ProblemError(404, "not_found", f"There is no webhook {webhook_id[:64]} here.")
        webhook = WebhookDocument.model_validate(raw)
        caller.check(webhook.project_id)
        return webhook

    async def change(self, webhook_id: str, fields: Mapping[str, Any]) -> None:
        """Change what its owner may change; made able again, it has not failed yet."""
        anew = {"disabled_because": None, "failing_since": None} if fields.get("enabled") else {}
        await self._collection.update_one({"_id": webhook_id}, {"$set": {**fields, **anew}})

    async def rotate(self, webhook: WebhookDocument) -> str:
        """Give a webhook a new secret and return it; the former one signs, too, for a day."""
        secret = new_secret()
        former = {"former_secret": webhook.secret, "former_until": datetime.now(UTC) + FORMER_KEPT}
        await self._collection.update_one({"_id": webhook.id}, {"$set": {"secret": secret, **former}})
        return secret

    async def delete(self, webhook_id: str) -> None:
        """Remove a webhook; what waits for it is cancelled when its time comes."""
        await self._collection.delete_one({"_id": webhook_id})

    async def known(self, webhook_id: str) -> WebhookDocument | None:
        """Return a webhook, whoever's it is; None when it is gone."""
        raw = await self._collection.find_one({"_id": webhook_id})
        return WebhookDocument.model_validate(raw) if raw is not None else None

    async def listening(self, project_ids: Sequence[str]) -> list[WebhookDocument]:
        """Return the enabled webhooks of these projects."""
        rows = self._collection.find({"project_id": {"$in": list(project_ids)}, "enabled": True})
        return [WebhookDocument.model_validate(raw) async for raw in rows]

    async def note_success(self, webhook_id: str) -> None:
        """Say that the address took a delivery."""
        await self._collection.update_one(
            {"_id": webhook_id, "failing_since": {"$ne": None}}, {"$set": {"failing_since": None}}
        )

    async def note_failure(self, webhook_id: str, at: datetime) -> datetime:
        """Say that the address did not take a delivery; return since when it takes none."""
        await self._collection.update_one({"_id": webhook_id, "failing_since": None}, {"$set": {"failing_since": at}})
        webhook = await self.known(webhook_id)
        return (webhook.failing_since if webhook is not None else None) or at

    async def disable(self, webhook_id: str, because: str) -> None:
        """Tell an address nothing any more until its owner enables it again."""
        await self._collection.update_one(
            {"_id": webhook_id, "enabled": True}, {"$set": {"enabled": False, "disabled_because": because}}
        )


def signing_secrets(webhook: WebhookDocument, now: datetime) -> list[str]:
    """Return the secrets that sign at a moment, the newest first."""
    is_former = webhook.former_secret is not None and webhook.former_until is not None and now < webhook.former_until
    return [webhook.secret, *([webhook.former_secret] if is_former and webhook.former_secret else [])]
