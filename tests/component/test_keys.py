import pytest

from chassis.documents import Database
from services.gateway.keys import Caller, KeyRing

pytestmark = pytest.mark.servers


@pytest.fixture
def ring(database: Database) -> KeyRing:
    """No keys yet."""
    return KeyRing(database["keys"])


async def test_a_created_key_opens_its_projects(ring: KeyRing) -> None:
    key = await ring.create(name="Anna", project_ids=("field", "lab"))

    assert await ring.caller(key) == Caller(key.split("_")[1], ("field", "lab"))


async def test_every_key_is_another(ring: KeyRing) -> None:
    keys = [await ring.create(name="Anna", project_ids=("field",)) for _ in range(20)]

    callers = [await ring.caller(key) for key in keys]

    assert None not in callers
    assert len(set(callers)) == 20


async def test_what_is_no_key_of_ours_opens_nothing(ring: KeyRing) -> None:
    key = await ring.create(name="Anna", project_ids=("field",))
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

    assert [text for text in forged if await ring.caller(text) is not None] == []


async def test_one_keys_secret_does_not_open_another_key(ring: KeyRing) -> None:
    anna = await ring.create(name="Anna", project_ids=("field",))
    bert = await ring.create(name="Bert", project_ids=("music",))

    mixed = "_".join([*anna.split("_", 2)[:2], bert.split("_", 2)[2]])

    assert await ring.caller(mixed) is None


async def test_the_secret_is_not_stored(ring: KeyRing, database: Database) -> None:
    key = await ring.create(name="Anna", project_ids=("field",))

    stored = await database["keys"].find_one()

    assert stored is not None
    assert stored["name"] == "Anna"
    assert key.split("_", 2)[2] not in str(stored)
