"""API keys `dc_<id>_<secret>`: made, hashed, checked; and who calls with one."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from litestar.exceptions import NotAuthorizedException

from chassis.documents import Collection
from chassis.problems import ProblemError
from contracts.documents import ApiKeyDocument, Membership
from contracts.vocabulary import Role, Scope

PREFIX = "dc"
SCOPES = (Scope.READ, Scope.WRITE, Scope.MANAGE)
# So that a key that is used all the time is not written all the time.
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Caller:
    """Who asks, in which roles, and which role the route needs in the project that it is about.

    roles  by project
    """

    id: str
    roles: Mapping[str, Role] = field(hash=False)
    scopes: frozenset[Scope] = frozenset(SCOPES)
    needs: Role = Role.READER

    @cached_property
    def project_ids(self) -> tuple[str, ...]:
        """Return the projects in which the caller may do what the route does."""
        return tuple(project_id for project_id, role in self.roles.items() if role.includes(self.needs))

    @property
    def seen_project_ids(self) -> tuple[str, ...]:
        """Return the projects in which the caller has any role: what is there must be looked for in all of them."""
        return tuple(self.roles)

    @property
    def operates(self) -> bool:
        """Tell whether the caller operates the system, whatever their roles are."""
        return Scope.OPERATE in self.scopes

    def check(self, project_id: str) -> None:
        """Raise a problem of status 403 unless the caller may do what the route does in this project of theirs."""
        if project_id not in self.project_ids:
            raise too_little(self.needs)


def too_little(role: Role) -> ProblemError:
    """Return the problem of a caller whose role does not include `role`."""
    return ProblemError(
        403,
        "forbidden",
        f"This needs the role {role} in the project.",
        next_step="Ask an owner of the project; GET /v1/capabilities says which roles you have.",
    )


def roles_of(memberships: Iterable[Membership]) -> dict[str, Role]:
    """Return the role in each project; of several in one, that which includes the others."""
    roles: dict[str, Role] = {}
    for each in memberships:
        if each.project_id not in roles or each.role.includes(roles[each.project_id]):
            roles[each.project_id] = each.role
    return roles


def granted(text: str) -> Membership | None:
    """Return what `PROJECT:ROLE` gives; None when it is no such thing."""
    project_id, _, role = text.rpartition(":")
    return Membership(project_id=project_id, role=Role(role)) if project_id and role in list(Role) else None


@dataclass(frozen=True)
class NewKey:
    """What a key is to be; without `expires_at` it holds until it is revoked."""

    name: str
    memberships: Sequence[Membership]
    scopes: Sequence[Scope] = SCOPES
    expires_at: datetime | None = None


class KeyRing:
    """The keys in MongoDB; a secret is shown once, when it is made, and only its hash is kept."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        """Make the index by which a project's members are found, and owners of keys from before there were roles."""
        await self._collection.create_index("memberships.project_id", name="by_project")
        owned = {"$map": {"input": "$project_ids", "in": {"project_id": "$$this", "role": Role.OWNER}}}
        without_roles = {"memberships": {"$exists": False}, "project_ids": {"$exists": True}}
        await self._collection.update_many(without_roles, [{"$set": {"memberships": owned}}])

    async def create(self, new: NewKey) -> tuple[str, ApiKeyDocument]:
        """Store a new key; return it, and what is stored of it."""
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        document = ApiKeyDocument(
            id=key_id,
            name=new.name,
            secret_sha256=_hash(secret),
            memberships=tuple(new.memberships),
            scopes=tuple(new.scopes),
            created_at=datetime.now(UTC),
            expires_at=new.expires_at,
        )
        await self._collection.insert_one(document.model_dump(by_alias=True))
        return f"{PREFIX}_{key_id}_{secret}", document

    async def get(self, key_id: str) -> ApiKeyDocument | None:
        """Return what is stored of a key; None when there is none."""
        raw = await self._collection.find_one({"_id": key_id})
        return ApiKeyDocument.model_validate(raw) if raw is not None else None

    async def opening(self, project_ids: Sequence[str] | None = None) -> list[ApiKeyDocument]:
        """Return the keys that open any of the projects, or all keys, the newest first."""
        query = {"memberships.project_id": {"$in": project_ids}} if project_ids is not None else {}
        rows = self._collection.find(query).sort([("created_at", -1), ("_id", 1)])
        return [ApiKeyDocument.model_validate(raw) async for raw in rows]

    async def revoke(self, key_id: str) -> bool:
        """Make a key good for nothing from now on; return whether there is such a key."""
        # A pipeline, so that who revokes it again does not change when that was.
        now = {"$ifNull": ["$revoked_at", datetime.now(UTC)]}
        result = await self._collection.update_one({"_id": key_id}, [{"$set": {"revoked_at": now}}])
        return result.matched_count == 1

    async def caller(self, key: str) -> Caller:
        """Return whose key this is. Raises `NotAuthorizedException` for one that is unknown, expired or revoked."""
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        document = await self.get(key_id) if prefix == PREFIX and secret else None
        if document is None or not hmac.compare_digest(document.secret_sha256, _hash(secret)):
            raise NotAuthorizedException("This API key is not known here.")
        now = datetime.now(UTC)
        if document.revoked_at is not None:
            raise NotAuthorizedException("This API key was revoked.")
        if document.expires_at is not None and document.expires_at <= now:
            raise NotAuthorizedException("This API key has expired.")
        await self._note_use(document, now)
        return Caller(document.id, roles_of(document.memberships), frozenset(document.scopes))

    async def _note_use(self, document: ApiKeyDocument, now: datetime) -> None:
        if document.last_used_at is None or document.last_used_at <= now - _USE_NOTED_EVERY:
            await self._collection.update_one({"_id": document.id}, {"$max": {"last_used_at": now}})


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched, and costs no time per request.
    return hashlib.sha256(secret.encode()).hexdigest()
