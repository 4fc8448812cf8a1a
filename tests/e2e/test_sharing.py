"""Owners share their projects: keys, members, new projects."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deploy.local.services import ROOT
from tests.system import System

pytestmark = pytest.mark.servers

# A project that came to be by a key.
USED = f"sharing-{uuid.uuid4().hex[:8]}-used"


@pytest.fixture
def project() -> str:
    """A name that nobody has."""
    return f"sharing-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def founder(system: System) -> Iterator[httpx.Client]:
    """Somebody who makes projects."""
    with _client(system, system.key_for(USED)) as client:
        yield client


@pytest.fixture
def owner(founder: httpx.Client, project: str) -> httpx.Client:
    """The owner of a project that was made just now."""
    founder.post("/v1/projects", json={"id": project}).raise_for_status()
    return founder


def test_who_makes_a_project_owns_it(owner: httpx.Client, project: str) -> None:
    listed = {each["id"]: each["role"] for each in owner.get("/v1/projects").json()["items"]}

    assert (listed[project], listed[USED]) == ("owner", "owner")
    assert owner.get(f"/v1/projects/{project}").json()["created_at"]
    assert owner.get("/v1/capabilities").json()["caller"]["projects"] == listed


def test_a_project_of_a_name_that_is_used_is_refused(owner: httpx.Client, project: str) -> None:
    answers = [owner.post("/v1/projects", json={"id": used}) for used in (project, USED, "default")]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(409, "project_exists")] * 3


@pytest.mark.parametrize("name", ["", "A", "a/b", "a:b", "-a", "a" * 64, "$a"])
def test_a_project_has_a_plain_name(owner: httpx.Client, name: str) -> None:
    assert owner.post("/v1/projects", json={"id": name}).status_code == 400


def test_a_key_that_was_made_opens_what_was_said_and_is_listed_without_its_secret(
    system: System, owner: httpx.Client, project: str
) -> None:
    made = _made(owner, project, "writer", scopes=["write"])

    with _client(system, made["key"]) as recorder:
        assert recorder.get("/v1/recordings").status_code == 403
        assert recorder.post("/v1/recordings", content=b"").json()["code"] == "empty"
    [listed] = [each for each in owner.get("/v1/keys").json()["items"] if each["id"] == made["id"]]
    assert listed["last_used_at"]
    assert made["key"].split("_", 2)[2] not in owner.get("/v1/keys").text


def test_a_revoked_key_opens_nothing_from_the_next_request_on(
    system: System, owner: httpx.Client, project: str
) -> None:
    made = _made(owner, project, "reader")
    with _client(system, made["key"]) as client:
        before = client.get("/v1/recordings").status_code

        owner.delete(f"/v1/keys/{made['id']}").raise_for_status()

        assert (before, client.get("/v1/recordings").status_code) == (200, 401)


def test_nobody_gives_more_than_they_have(system: System, owner: httpx.Client, project: str) -> None:
    held = _made(owner, project, "owner", scopes=["read", "manage"])

    with _client(system, held["key"]) as client:
        wish = {"name": "more", "projects": [{"project": project, "role": "reader"}]}
        more = client.post("/v1/keys", json={**wish, "scopes": ["read", "write"]})
        operator = client.post("/v1/keys", json={**wish, "scopes": ["operate"]})
        as_much = client.post("/v1/keys", json={**wish, "scopes": ["read"]})

    assert (more.status_code, operator.status_code, as_much.status_code) == (403, 403, 201)


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
        {"expires_at": "2099-01-01T00:00:00"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"projects": []},
        {"name": ""},
        {"secret": "mine"},
        {"objects": "a name that the gateway has for something of its own"},
    ],
)
def test_a_wish_for_a_key_that_makes_no_sense_is_refused(
    owner: httpx.Client, project: str, wrong: dict[str, Any]
) -> None:
    wish = {"name": "test", "projects": [{"project": project, "role": "reader"}]}

    answer = owner.post("/v1/keys", json={**wish, **wrong})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_key_that_opens_others_projects_too_is_not_revoked_but_loses_its_role(
    system: System, owner: httpx.Client, project: str
) -> None:
    made = _made(owner, project, "reader")
    system.client.put(f"/v1/projects/default/members/{made['id']}", json={"role": "reader"}).raise_for_status()

    revoked = owner.delete(f"/v1/keys/{made['id']}")
    removed = owner.delete(f"/v1/projects/{project}/members/{made['id']}")

    with _client(system, made["key"]) as client:
        assert [each["id"] for each in client.get("/v1/projects").json()["items"]] == ["default"]
    assert (revoked.status_code, removed.status_code) == (403, 204)


def test_members_are_listed_with_their_roles(owner: httpx.Client, project: str) -> None:
    made = _made(owner, project, "reader")
    where = f"/v1/projects/{project}/members"

    owner.put(f"{where}/{made['id']}", json={"role": "writer"}).raise_for_status()
    owner.put(f"{where}/subject:anna@example.org", json={"role": "reader"}).raise_for_status()

    roles = {each["member"]: each["role"] for each in owner.get(where).json()["items"]}
    me = owner.get("/v1/capabilities").json()["caller"]["member"]
    assert roles == {me: "owner", made["id"]: "writer", "subject:anna@example.org": "reader"}


def test_the_last_owner_stays(owner: httpx.Client, project: str) -> None:
    me = owner.get("/v1/capabilities").json()["caller"]["member"]
    mine = f"/v1/projects/{project}/members/{me}"

    refused = [owner.delete(mine), owner.put(mine, json={"role": "writer"})]
    _made(owner, project, "owner")
    left = owner.delete(mine)

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "last_owner")] * 2
    assert left.status_code == 204
    assert owner.get(f"/v1/projects/{project}").status_code == 404


def test_who_is_no_member_cannot_be_removed(owner: httpx.Client, project: str) -> None:
    where = f"/v1/projects/{project}/members"

    assert owner.delete(f"{where}/0123456789abcdef").status_code == 404
    assert owner.put(f"{where}/0123456789abcdef", json={"role": "reader"}).status_code == 404
    assert owner.delete(f"{where}/subject:nobody").status_code == 404


def test_an_operator_lists_and_revokes_keys_on_the_command_line(
    system: System, owner: httpx.Client, project: str
) -> None:
    made = _made(owner, project, "reader")

    before = _command(system, "list")
    said = _command(system, "revoke", made["id"])
    after = _command(system, "list")

    assert said == f"The key {made['id']} is revoked.\n"
    assert [_standing(listed, made["id"]) for listed in (before, after)] == ["good", "revoked"]
    with _client(system, made["key"]) as client:
        assert client.get("/v1/projects").status_code == 401


def _client(system: System, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=system.client.base_url, headers=headers, timeout=60)


def _made(owner: httpx.Client, project: str, role: str, **facts: Any) -> dict[str, Any]:
    answer = owner.post("/v1/keys", json={"name": "test", "projects": [{"project": project, "role": role}], **facts})
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def _command(system: System, *words: str) -> str:
    command = [sys.executable, "-m", "services.gateway", "keys", *words]
    environment = dict(system.environment)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _standing(listed: str, key_id: str) -> str:
    [line] = [line.split("\t") for line in listed.splitlines() if line.startswith(key_id)]
    return line[4]
