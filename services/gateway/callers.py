"""Who calls: the owner of an API key, or the subject of a token."""

from litestar.exceptions import NotAuthorizedException

from .keys import PREFIX, Caller, KeyRing, roles_of
from .members import SUBJECT, Members
from .tokens import Tokens


class Callers:
    """Everybody who may call; without `tokens` those are the owners of keys."""

    def __init__(self, key_ring: KeyRing, members: Members, tokens: Tokens | None) -> None:
        self._key_ring = key_ring
        self._members = members
        self._tokens = tokens

    async def caller(self, credential: str) -> Caller:
        """Return whose API key or token this is. Raises `NotAuthorizedException` for one that is not good."""
        if self._tokens is None or credential.startswith(f"{PREFIX}_"):
            return await self._key_ring.caller(credential)
        if credential.count(".") != 2:
            raise NotAuthorizedException("This is neither an API key nor a token.")
        bearer = await self._tokens.bearer(credential)
        given = await self._members.of_subject(bearer.subject)
        return Caller(f"{SUBJECT}{bearer.subject}", roles_of([*bearer.memberships, *given]), bearer.scopes)
