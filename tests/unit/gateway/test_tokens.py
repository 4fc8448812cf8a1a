import json
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from litestar.exceptions import NotAuthorizedException

from contracts.documents import Membership
from contracts.vocabulary import Role, Scope
from services.gateway.callers import Callers
from services.gateway.issuer_keys import ASKED_AGAIN_S, IssuerKeys, IssuerUnavailableError
from services.gateway.keys import KeyRing
from services.gateway.members import Members
from services.gateway.tokens import TokenRules, Tokens

ISSUER = "https://login.example.org"
RULES = TokenRules(ISSUER, "dawnchorus", "realm.roles")
MAX_AGE_S = 3600.0


class FakeIssuer:
    """A provider that publishes its keys, counts who asks, and is down when it is told."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", auto_kid=True)]
        self.name = ISSUER
        self.asked = 0
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": self.name, "jwks_uri": f"{ISSUER}/keys"})
        self.asked += 1
        return httpx.Response(200, json=KeySet(list(self.keys)).as_dict())

    def token(self, *, key: Any = None, alg: str = "ES256", kid: str | None = None, **changed: Any) -> str:
        """Return a good token, but for what is changed; a claim of None is left out."""
        key = key or self.keys[-1]
        good = {"iss": ISSUER, "aud": "dawnchorus", "sub": "anna", "exp": int(time.time()) + 300}
        claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": kid or key.kid}, claims, key, algorithms=[alg])


class FakeMembers:
    """Anna is a reader of the lab."""

    async def of_subject(self, subject: str) -> tuple[Membership, ...]:
        return (Membership(project_id="lab", role=Role.READER),) if subject == "anna" else ()


class Clock:
    """Time that goes on when it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def keys(issuer: FakeIssuer, clock: Clock) -> AsyncIterator[IssuerKeys]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as client:
        yield IssuerKeys(client, issuer=ISSUER, jwks_url=None, max_age_s=MAX_AGE_S, now=clock)


@pytest.fixture
def tokens(keys: IssuerKeys) -> Tokens:
    return Tokens(RULES, keys)


async def test_a_token_of_the_issuer_for_us_opens_what_its_claims_say(tokens: Tokens, issuer: FakeIssuer) -> None:
    bearer = await tokens.bearer(
        issuer.token(realm={"roles": ["field:writer", "lab:reader", "offline_access", ":owner"]})
    )

    assert bearer.subject == "anna"
    assert [(each.project_id, each.role) for each in bearer.memberships] == [("field", "writer"), ("lab", "reader")]
    assert Scope.OPERATE not in bearer.scopes


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example.com"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"aud": "another-program"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 99_999_999_999},
        {"sub": None},
        {"sub": 7},
    ],
)
async def test_a_token_that_is_not_the_issuers_for_us_now_is_refused(
    tokens: Tokens, issuer: FakeIssuer, changed: dict[str, Any]
) -> None:
    with pytest.raises(NotAuthorizedException):
        await tokens.bearer(issuer.token(**changed))


async def test_a_token_for_several_is_for_us_too(tokens: Tokens, issuer: FakeIssuer) -> None:
    assert (await tokens.bearer(issuer.token(aud=["another-program", "dawnchorus"]))).subject == "anna"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(tokens: Tokens, issuer: FakeIssuer) -> None:
    secret = OctKey.import_key(json.dumps(issuer.keys[0].as_dict(private=False)))

    with pytest.raises(NotAuthorizedException):
        await tokens.bearer(issuer.token(key=secret, alg="HS256", kid=issuer.keys[0].kid))


async def test_an_unsigned_token_is_refused(tokens: Tokens, issuer: FakeIssuer) -> None:
    good = issuer.token()
    for header in ("eyJhbGciOiJub25lIn0", "eyJhbGciOlsiRVMyNTYiXX0", "eyJraWQiOnt9LCJhbGciOiJFUzI1NiJ9", "e30", "W10"):
        for signature in ("", good.split(".")[2]):
            with pytest.raises(NotAuthorizedException):
                await tokens.bearer(f"{header}.{good.split('.')[1]}.{signature}")


@pytest.mark.parametrize("text", ["..", "a.b.c", "e30.e30.", "é.ü.ö", f"{'x' * 9000}.x.x", "\0.\0.\0"])
async def test_what_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    with pytest.raises(NotAuthorizedException):
        await tokens.bearer(text)


async def test_a_strangers_signature_under_a_known_name_is_refused(tokens: Tokens, issuer: FakeIssuer) -> None:
    stranger = ECKey.generate_key("P-256")

    with pytest.raises(NotAuthorizedException):
        await tokens.bearer(issuer.token(key=stranger, kid=issuer.keys[0].kid))


async def test_keys_are_asked_for_once_until_they_are_old(tokens: Tokens, issuer: FakeIssuer, clock: Clock) -> None:
    for _ in range(3):
        await tokens.bearer(issuer.token())
    young = issuer.asked
    clock.now_s += MAX_AGE_S
    await tokens.bearer(issuer.token())

    assert (young, issuer.asked) == (1, 2)


async def test_a_new_key_of_the_issuer_is_found_at_once_but_guesses_do_not_make_us_ask_each_time(
    tokens: Tokens, issuer: FakeIssuer, clock: Clock
) -> None:
    await tokens.bearer(issuer.token())
    clock.now_s += ASKED_AGAIN_S
    issuer.keys.append(RSAKey.generate_key(2048, auto_kid=True))

    renewed = await tokens.bearer(issuer.token(alg="RS256"))
    asked = issuer.asked
    for number in range(5):
        with pytest.raises(NotAuthorizedException):
            await tokens.bearer(issuer.token(alg="RS256", kid=f"guess-{number}"))

    assert renewed.subject == "anna"
    assert (asked, issuer.asked) == (2, 2)


async def test_an_issuer_that_is_down_is_no_fault_of_the_token_and_known_keys_go_on(
    tokens: Tokens, issuer: FakeIssuer, clock: Clock
) -> None:
    issuer.down = True
    with pytest.raises(IssuerUnavailableError):
        await tokens.bearer(issuer.token())
    issuer.down = False
    clock.now_s += ASKED_AGAIN_S
    await tokens.bearer(issuer.token())

    issuer.down = True
    clock.now_s += MAX_AGE_S

    assert (await tokens.bearer(issuer.token())).subject == "anna"


async def test_a_discovery_document_of_another_issuer_is_not_believed(tokens: Tokens, issuer: FakeIssuer) -> None:
    issuer.name = "https://login.example.com"

    with pytest.raises(IssuerUnavailableError):
        await tokens.bearer(issuer.token())


async def test_words_of_a_claim_give_what_the_operator_says(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    grants = {"birders": ("field:writer", "lab:reader"), "admins": ("operate",)}
    tokens = Tokens(TokenRules(ISSUER, "dawnchorus", "groups", grants), keys)

    birder = await tokens.bearer(issuer.token(groups=["birders", "field:owner", 7]))
    admin = await tokens.bearer(issuer.token(groups="admins everyone"))

    assert [(each.project_id, each.role) for each in birder.memberships] == [("field", "writer"), ("lab", "reader")]
    assert (admin.memberships, Scope.OPERATE in admin.scopes) == ((), True)


async def test_a_subject_has_the_greater_of_the_roles_it_was_given_and_its_claims_say(
    tokens: Tokens, issuer: FakeIssuer
) -> None:
    callers = Callers(cast("KeyRing", None), cast("Members", FakeMembers()), tokens)

    anna = await callers.caller(issuer.token(realm={"roles": ["field:reader", "lab:writer"]}))
    bare = await callers.caller(issuer.token())

    assert (anna.id, anna.roles) == ("subject:anna", {"field": Role.READER, "lab": Role.WRITER})
    assert bare.roles == {"lab": Role.READER}


@pytest.mark.parametrize("credential", ["x", "a.b", "a.b.c.d", "é"])
async def test_what_is_neither_key_nor_token_is_refused(tokens: Tokens, credential: str) -> None:
    with pytest.raises(NotAuthorizedException):
        await Callers(cast("KeyRing", None), cast("Members", FakeMembers()), tokens).caller(credential)
