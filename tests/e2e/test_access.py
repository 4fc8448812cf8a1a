"""Every operation × every kind of caller, from the gateway's own OpenAPI document: a new route cannot be forgotten."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from chassis.documents import open_database
from chassis.settings import ServiceSettings
from contracts.documents import API_KEYS, Membership
from contracts.vocabulary import Role
from services.gateway.keys import KeyRing, NewKey
from tests.audio import Signal, write
from tests.system import System

from .letters import parked_letter
from .operations import OPERATIONS, PATH, Operation

pytestmark = pytest.mark.servers

PROJECT = f"access-{uuid.uuid4().hex[:8]}"
METHODS = {"get", "head", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Route:
    """One operation and where it is."""

    operation_id: str
    method: str
    path: str

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.operation_id]


@dataclass(frozen=True)
class Place:
    """A project with one analysed recording, and the keys of everybody who may and may not see it."""

    system: System
    recording_id: str
    audio: Path
    keys: dict[str, str | None]

    def status(self, route: Route, caller: str) -> int:
        """Return how the gateway answers the operation, asked for by one kind of caller."""
        operation = route.operation
        stands_for = {
            "$recording": self._uploaded(deleted=operation.deleted) if operation.once else self.recording_id,
            "$upload": self._begun() if "{upload_id}" in route.path else "",
            "$batch": self._batch_id() if "{batch_id}" in route.path else "",
            "$task": f"{self._batch_id()}-0" if "{task_id}" in route.path else "",
            "$project": PROJECT,
            "$key": self._key_id() if {"{key_id}", "{member}"} & set(route.path.split("/")) else "",
            "$new": f"{PROJECT}-{uuid.uuid4().hex[:8]}",
            **(self._webhook() if "{webhook_id}" in route.path else {}),
            "$letter": self._letter() if "{letter_id}" in route.path else "",
        }
        path = re.sub(r"\{(\w+)\}", lambda match: _resolved(PATH[match[1]], stands_for), route.path)
        request = self.system.client.build_request(
            route.method,
            path,
            params={name: _resolved(value, stands_for) for name, value in operation.query.items()},
            json=_resolved_everywhere(operation.json, stands_for),
            content=self.audio.read_bytes() if operation.sends_audio else None,
        )
        key = self.keys[caller]
        request.headers.pop("Authorization")
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key}"
        # A stream has no end: its status is enough.
        answer = self.system.client.send(request, stream=True)
        answer.close()
        return answer.status_code

    def _key_id(self) -> str:
        headers = {"Authorization": f"Bearer {self.keys['owner']}"}
        wish = {"name": "spare", "projects": [{"project": PROJECT, "role": "reader"}]}
        key_id: str = self.system.client.post("/v1/keys", json=wish, headers=headers).json()["id"]
        return key_id

    def _batch_id(self) -> str:
        headers = {"Authorization": f"Bearer {self.keys['owner']}"}
        wanted = {"project": PROJECT, "items": [{"uri": "s3://nobody/s"}]}
        batch_id: str = self.system.client.post("/v1/batches", json=wanted, headers=headers).json()["id"]
        return batch_id

    def _letter(self) -> str:
        return asyncio.run(parked_letter(self.system, PROJECT, self.recording_id))

    def _webhook(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.keys['owner']}"}
        wish = {"url": "http://127.0.0.1:9/hook", "project": PROJECT}
        webhook_id = self.system.client.post("/v1/webhooks", json=wish, headers=headers).json()["id"]
        ping = self.system.client.post(f"/v1/webhooks/{webhook_id}/ping", headers=headers).json()
        return {"$webhook": webhook_id, "$event": ping["event_id"]}

    def _begun(self) -> str:
        headers = {"Authorization": f"Bearer {self.keys['owner']}"}
        wanted = {"name": "a.wav", "size_bytes": 7, "project": PROJECT}
        upload_id: str = self.system.client.post("/v1/uploads", json=wanted, headers=headers).json()["id"]
        return upload_id

    def _uploaded(self, *, deleted: bool) -> str:
        headers = {"Authorization": f"Bearer {self.keys['owner']}"}
        content = write(self.audio.parent / "once.wav", _noise(0.2)).read_bytes()
        answer = self.system.client.post(
            "/v1/recordings", params={"project": PROJECT}, content=content, headers=headers
        )
        recording_id: str = answer.json()["id"]
        if deleted:
            self.system.client.delete(f"/v1/recordings/{recording_id}", headers=headers)
        return recording_id


@pytest.fixture(scope="module")
def place(system: System, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """What is asked for is there: nothing is answered otherwise because it is not finished yet."""
    keys = asyncio.run(_keys(system))
    audio = write(tmp_path_factory.mktemp("access") / "noise.wav", _noise(3.0))
    headers = {"Authorization": f"Bearer {keys['owner']}"}
    sent = system.client.post(
        "/v1/recordings", params={"project": PROJECT}, content=audio.read_bytes(), headers=headers
    )
    recording_id = sent.json()["id"]
    where = f"/v1/recordings/{recording_id}"
    system.until(lambda: system.client.get(where, headers=headers).json()["status"] == "completed")
    similar = f"{where}/similar"
    system.until(lambda: system.client.get(similar, headers=headers).status_code == httpx.codes.OK)
    return Place(system, recording_id, audio, keys)


def test_every_operation_says_who_may_ask_for_it(system: System) -> None:
    document = system.client.get("/schema/openapi.json").json()

    assert {route.operation_id for route in _described(document)} == set(OPERATIONS)


@pytest.mark.parametrize("caller", ["nobody", "forged", "expired", "revoked"])
def test_without_a_good_key_no_operation_answers(place: Place, caller: str) -> None:
    answers = {route.operation_id: place.status(route, caller) for route in _routes(place.system)}

    assert answers == dict.fromkeys(OPERATIONS, 401)


def test_another_projects_things_are_not_there(place: Place) -> None:
    routes = [route for route in _routes(place.system) if not route.operation.shared]

    answers = {route.operation_id: place.status(route, "stranger") for route in routes}

    assert answers == {route.operation_id: 404 for route in routes}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_does_what_it_may_and_is_refused_the_rest(place: Place, role: Role) -> None:
    answers = {route.operation_id: place.status(route, role) for route in _routes(place.system)}

    wrong = {name: status for name, status in answers.items() if status not in _expected(OPERATIONS[name], role)}
    assert wrong == {}


def test_a_key_does_only_what_its_scopes_are_for(place: Place) -> None:
    answers = {route.operation_id: place.status(route, "sends only") for route in _routes(place.system)}

    assert answers["uploadRecording"] in OPERATIONS["uploadRecording"].answers
    assert (answers["getRecording"], answers["listRecordings"], answers["setProjectRendering"]) == (403, 403, 403)


def _expected(operation: Operation, role: Role) -> frozenset[int]:
    may = operation.needs is None or role.includes(operation.needs)
    return operation.answers if may else frozenset({403})


def _routes(system: System) -> list[Route]:
    document: dict[str, Any] = system.client.get("/schema/openapi.json").json()
    return sorted(_described(document), key=lambda route: route.operation.last)


def _described(document: dict[str, Any]) -> Iterator[Route]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield Route(operation["operationId"], method.upper(), path)


def _resolved_everywhere(value: Any, stands_for: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved_everywhere(each, stands_for) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved_everywhere(each, stands_for) for each in value]
    return stands_for.get(value, value) if isinstance(value, str) else value


def _resolved(value: Any, stands_for: dict[str, str]) -> str:
    return stands_for.get(str(value), str(value))


async def _keys(system: System) -> dict[str, str | None]:
    url = system.environment["MONGODB_URL"]
    settings = ServiceSettings(amqp_url="", mongodb_url=url, s3_access_key_id="", s3_secret_access_key="")
    past = datetime.now(UTC) - timedelta(minutes=1)
    async with open_database(settings) as database:
        ring = KeyRing(database[API_KEYS])

        async def made(role: Role, project: str = PROJECT, **facts: Any) -> str:
            key, _ = await ring.create(NewKey("test", [Membership(project_id=project, role=role)], **facts))
            return key

        revoked = await made(Role.OWNER)
        await ring.revoke(revoked.split("_")[1])
        owner = await made(Role.OWNER)
        return {
            **{str(role): await made(role) for role in Role},
            "owner": owner,
            "stranger": await made(Role.OWNER, f"{PROJECT}-elsewhere"),
            "sends only": await made(Role.OWNER, scopes=("write",)),
            "expired": await made(Role.OWNER, expires_at=past),
            "revoked": revoked,
            "forged": f"{owner[:-4]}0000",
            "nobody": None,
        }


def _noise(duration_s: float) -> Signal:
    # Of another seed each time: the same bytes again would be the same recording.
    return np.random.default_rng().uniform(-0.5, 0.5, (int(44_100 * duration_s), 1)).astype(np.float32)
