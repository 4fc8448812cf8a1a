"""The public keys of an OpenID provider, kept for a while."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.errors import TransientError

log = structlog.get_logger()

# A token that names a key of nobody's makes us ask the issuer again, but not more often than this.
ASKED_AGAIN_S = 30.0
_DISCOVERY = "/.well-known/openid-configuration"


class IssuerUnavailableError(TransientError):
    """The issuer of tokens does not say its keys."""

    code = "issuer_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The issuer of tokens does not say its keys: {self.args[0]}."


class IssuerKeys:
    """What the issuer publishes at `jwks_url`, or at the URL that its discovery document names.

    Keys are asked for anew after `max_age_s`. While the issuer is silent the keys that are known go on being used.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        issuer: str,
        jwks_url: str | None,
        max_age_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._max_age_s = max_age_s
        self._now = now
        self._lock = asyncio.Lock()
        self._keys: KeySet | None = None
        self._asked_at = -float("inf")

    async def known(self) -> KeySet:
        """Return the issuer's keys, asked for anew when they are old. Raises `IssuerUnavailableError`."""
        if self._keys is not None and self._now() - self._asked_at < self._max_age_s:
            return self._keys
        return await self.renewed()

    async def renewed(self) -> KeySet:
        """Return the issuer's keys as they are now, or as they were when it was asked moments ago."""
        async with self._lock:
            if self._now() - self._asked_at >= ASKED_AGAIN_S:
                self._asked_at = self._now()
                await self._renew()
        if self._keys is None:
            raise IssuerUnavailableError("it did not a moment ago")
        return self._keys

    async def _renew(self) -> None:
        try:
            self._keys = KeySet.import_key_set(await self._said(self._jwks_url or await self._discovered()))
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("issuer_unavailable", reason=repr(error))
            if self._keys is None:
                raise IssuerUnavailableError(repr(error)) from error

    async def _discovered(self) -> str:
        document = await self._said(f"{self._issuer.rstrip('/')}{_DISCOVERY}")
        if document["issuer"] != self._issuer:
            raise ValueError(f"the discovery document is of {document['issuer']}")
        return str(document["jwks_uri"])

    async def _said(self, url: str) -> Any:  # noqa: ANN401 (JSON)
        answer = await self._client.get(url)
        answer.raise_for_status()
        return answer.json()
