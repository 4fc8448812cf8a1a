"""Tokens of an OpenID provider: verified by its published keys, read for roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from litestar.exceptions import NotAuthorizedException

from contracts.documents import Membership
from contracts.vocabulary import Scope

from .issuer_keys import IssuerKeys
from .keys import SCOPES, granted

# Signatures by a private key alone: none of these can be made by who knows what is public.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_CLOCKS_APART_S = 30


@dataclass(frozen=True)
class TokenRules:
    """Which tokens are taken, and what their claims give.

    claim   the claim that says roles, its path in dots; a list of words, or words in one string
    grants  what each word gives, `project:role` or `operate`; when empty, the words are such grants themselves
    """

    issuer: str
    audience: str
    claim: str
    grants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bearer:
    """Whose token it is, and what its claims give."""

    subject: str
    memberships: tuple[Membership, ...]
    scopes: frozenset[Scope]


class Tokens:
    """The tokens of one issuer, for one audience."""

    def __init__(self, rules: TokenRules, keys: IssuerKeys) -> None:
        self._rules = rules
        self._keys = keys
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_CLOCKS_APART_S,
            iss={"essential": True, "value": rules.issuer},
            aud={"essential": True, "value": rules.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def bearer(self, token: str) -> Bearer:
        """Return whose token this is. Raises `NotAuthorizedException` unless it is signed, meant for us and in time."""
        claims = await self._verified(token)
        try:
            self._claims.validate(claims)
        except ClaimError as error:
            raise NotAuthorizedException(f"This token is not taken here: {error.description}") from error
        return _bearer(claims, self._rules)

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            return _decoded(token, await self._keys.known())
        except InvalidKeyIdError:
            # The issuer may have a new key since.
            return self._decoded_or_refused(token, await self._keys.renewed())
        except (JoseError, ValueError, TypeError) as error:
            raise NotAuthorizedException("This token cannot be verified.") from error

    def _decoded_or_refused(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            return _decoded(token, keys)
        except (JoseError, ValueError, TypeError) as error:
            raise NotAuthorizedException("This token is signed by no key of its issuer.") from error


def _decoded(token: str, keys: KeySet) -> dict[str, Any]:
    return jwt.decode(token, keys, algorithms=ALGORITHMS).claims


def _bearer(claims: Mapping[str, Any], rules: TokenRules) -> Bearer:
    words = _words(claims, rules.claim)
    grants = [grant for word in words for grant in (rules.grants.get(word, ()) if rules.grants else (word,))]
    memberships = tuple(each for grant in grants if (each := granted(grant)) is not None)
    operates = (Scope.OPERATE,) if Scope.OPERATE in grants else ()
    return Bearer(claims["sub"], memberships, frozenset((*SCOPES, *operates)))


def _words(claims: Mapping[str, Any], path: str) -> list[str]:
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return found.split()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
