"""Tickets: what a web page listens with, which can send no header; good once, and for a minute."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, post
from litestar.exceptions import NotAuthorizedException
from pydantic import BaseModel, Field

from chassis.documents import Database
from contracts.event_documents import TICKETS, TicketDocument
from contracts.vocabulary import Role, Scope

from .access import KNOWN
from .keys import Caller

LIFETIME = timedelta(minutes=1)


class TicketMade(BaseModel):
    """A ticket to be put into the address: `?ticket=`."""

    ticket: str
    expires_at: datetime = Field(description="Until when it must be used; what it opened stays open.")


class Tickets:
    """The tickets that nobody has used yet, known by their SHA-256 alone."""

    def __init__(self, database: Database) -> None:
        self._collection = database[TICKETS]

    async def prepare(self) -> None:
        """Have tickets removed that nobody used."""
        await self._collection.create_index("expires_at", expireAfterSeconds=0, name="expiry")

    async def create(self, caller: Caller) -> TicketMade:
        """Make a ticket with which somebody else may listen as this caller."""
        ticket, expires_at = secrets.token_urlsafe(32), datetime.now(UTC) + LIFETIME
        facts = {"id": caller.id, "roles": dict(caller.roles), "scopes": sorted(caller.scopes)}
        document = TicketDocument(id=_hash(ticket), caller=facts, expires_at=expires_at)
        await self._collection.insert_one(document.model_dump(by_alias=True))
        return TicketMade(ticket=ticket, expires_at=expires_at)

    async def redeem(self, ticket: str) -> Caller:
        """Return whose ticket this is; it is good no more. Raises `NotAuthorizedException` for one that is not good."""
        still_good = {"_id": _hash(ticket), "expires_at": {"$gt": datetime.now(UTC)}}
        raw = await self._collection.find_one_and_delete(still_good)
        if raw is None:
            raise NotAuthorizedException("This ticket was used, is older than a minute, or is none of ours.")
        facts = TicketDocument.model_validate(raw).caller
        roles = {project_id: Role(role) for project_id, role in facts["roles"].items()}
        return Caller(facts["id"], roles, frozenset(Scope(scope) for scope in facts["scopes"]))


@post("/events/tickets", operation_id="createEventTicket", needs=KNOWN, tags=["events"])
async def create_ticket(request: Request[Caller, Any, Any], tickets: Tickets) -> TicketMade:
    """Return a ticket with which a web page may listen, by Server-Sent Events or WebSocket, without the key."""
    return await tickets.create(request.user)


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
