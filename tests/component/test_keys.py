from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar.exceptions import NotAuthorizedException

from chassis.documents import Database
from contracts.documents import Membership
from contracts.vocabulary import Role, Scope
from services.gateway.keys import Caller, KeyRing, NewKey

pytestmark = pytest.mark.servers

FIELD = Membership(project_id="field", role=Role.OWNER)
LAB = Membership(project_id="lab", role=Role.READER)


@pytest.fixture
def ring(database: Database) -> KeyRing:
    """No keys yet."""
    return KeyRing(database["keys"])


async def test_a_created_key_opens_its_projects_in_its_roles(ring: KeyRing) -> None:
    key = await _made(ring, memberships=[FIELD, LAB])

    assert await ring.caller(key) == Caller(key.split("_")[1], {"field": Role.OWNER, "lab": Role.READER})


async def test_a_key_is_held_to_its_scopes(ring: KeyRing) -> None:
    key = await _made(ring, scopes=[Scope.WRITE])

    assert (await ring.caller(key)).scopes == {Scope.WRITE}


async def test_every_key_is_another(ring: KeyRing) -> None:
    keys = [await _made(ring) for _ in range(20)]

    callers = {(await ring.caller(key)).id for key in keys}

    assert len(callers) == 20


async def test_what_is_no_key_of_ours_opens_nothing(ring: KeyRing) -> None:
    key = await _made(ring)
    prefix, key_id, secret = key.split("_", 2)
    forged = [
        "",
        "dc",
        "dc__",
        f"{prefix}_{key_id}",
        f"{prefix}_{key_id}_",
        f"{prefix}_{key_id}_{secret[:-1]}",
        f"{prefix}_{key_id}_{secret}x",
        f"{prefix}_{key_id}_{secret.swapcase()}",
        f"{prefix}_{'0' * len(key_id)}_{secret}",
        f"xx_{key_id}_{secret}",
        f"{key_id}_{secret}",
        secret,
        f"{prefix}_{key_id}_é",
        f"{prefix}_{key_id}_\0",
        '{"$ne": null}',
    ]

    assert [text for text in forged if await _opens(ring, text)] == []


async def test_one_keys_secret_does_not_open_another_key(ring: KeyRing) -> None:
    anna = await _made(ring, name="Anna")
    bert = await _made(ring, name="Bert")

    mixed = "_".join([*anna.split("_", 2)[:2], bert.split("_", 2)[2]])

    assert not await _opens(ring, mixed)


async def test_the_secret_is_not_stored(ring: KeyRing, database: Database) -> None:
    key = await _made(ring, name="Anna")

    stored = await database["keys"].find_one()

    assert stored is not None
    assert stored["name"] == "Anna"
    assert key.split("_", 2)[2] not in str(stored)


async def test_a_key_that_was_revoked_opens_nothing_and_others_stay(ring: KeyRing) -> None:
    revoked, other = await _made(ring), await _made(ring)

    await ring.revoke(revoked.split("_")[1])

    assert not await _opens(ring, revoked)
    assert await _opens(ring, other)


async def test_a_key_revoked_again_was_revoked_the_first_time(ring: KeyRing, database: Database) -> None:
    key_id = (await _made(ring)).split("_")[1]
    await ring.revoke(key_id)
    before = await database["keys"].find_one()

    known = [await ring.revoke(key_id), await ring.revoke("0")]

    assert known == [True, False]
    assert await database["keys"].find_one() == before


async def test_a_key_opens_until_it_expires(ring: KeyRing) -> None:
    now = datetime.now(UTC)
    over = await _made(ring, expires_at=now - timedelta(seconds=1))
    good = await _made(ring, expires_at=now + timedelta(minutes=5))

    assert not await _opens(ring, over)
    assert await _opens(ring, good)


async def test_the_last_use_is_noted_to_the_minute(ring: KeyRing, database: Database) -> None:
    key = await _made(ring)
    before = datetime.now(UTC)

    await ring.caller(key)
    first = await _last_use(database)
    await ring.caller(key)
    again = await _last_use(database)
    await database["keys"].update_one({}, {"$set": {"last_used_at": before - timedelta(minutes=2)}})
    await ring.caller(key)

    assert again == first
    assert first >= before - timedelta(milliseconds=1)
    assert await _last_use(database) >= first


async def test_a_key_from_before_there_were_roles_owns_its_projects(ring: KeyRing, database: Database) -> None:
    key = await _made(ring)
    await database["keys"].update_one(
        {}, {"$set": {"project_ids": ["field"]}, "$unset": {"memberships": "", "scopes": ""}}
    )

    await ring.prepare()

    assert (await ring.caller(key)).roles == {"field": Role.OWNER}


async def _made(ring: KeyRing, *, name: str = "Anna", memberships: Any = (FIELD,), **facts: Any) -> str:
    key, _ = await ring.create(NewKey(name, memberships, **facts))
    return key


async def _opens(ring: KeyRing, key: str) -> bool:
    try:
        await ring.caller(key)
    except NotAuthorizedException:
        return False
    return True


async def _last_use(database: Database) -> datetime:
    document = await database["keys"].find_one()
    assert document is not None
    last_used_at: datetime = document["last_used_at"]
    return last_used_at
