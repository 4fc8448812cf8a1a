"""API keys `dc_<id>_<secret>`: made, hashed, checked."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.documents import Collection
from contracts.documents import ApiKeyDocument

PREFIX = "dc"


@dataclass(frozen=True)
class Caller:
    """Who asks, and which projects they may see."""

    key_id: str
    project_ids: tuple[str, ...]


class KeyRing:
    """The keys in MongoDB; a secret is shown once, when it is made, and only its hash is kept."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def create(self, *, name: str, project_ids: tuple[str, ...]) -> str:
        """Store a new key and return it."""
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        document = ApiKeyDocument(
            id=key_id,
            name=name,
            secret_sha256=_hash(secret),
            project_ids=project_ids,
            created_at=datetime.now(UTC),
        )
        await self._collection.insert_one(document.model_dump(by_alias=True))
        return f"{PREFIX}_{key_id}_{secret}"

    async def caller(self, key: str) -> Caller | None:
        """Return whose key this is; None when it is nobody's."""
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not secret:
            return None
        raw = await self._collection.find_one({"_id": key_id})
        if raw is None:
            return None
        document = ApiKeyDocument.model_validate(raw)
        if not hmac.compare_digest(document.secret_sha256, _hash(secret)):
            return None
        return Caller(document.id, document.project_ids)


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched, and costs no time per request.
    return hashlib.sha256(secret.encode()).hexdigest()
