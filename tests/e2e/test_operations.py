"""What operators see and do: health, queues, and messages that no service could work on."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import aio_pika
import httpx
import pytest

from contracts.topology import EVENTS_EXCHANGE
from deploy.local.services import ROOT
from tests.audio import tone, write
from tests.system import System

from .letters import parked_letter

pytestmark = pytest.mark.servers

PARTS = {"database", "storage", "queue", "outbox", "ingest", "spectrogram", "analysis", "recordings"}


@pytest.fixture(scope="module")
def operator(system: System) -> Iterator[httpx.Client]:
    """Somebody who operates the system, and has no project."""
    key = _command(system, "keys", "create", "--name", "operator", "--project", "nowhere:reader", "--scope", "operate")
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=system.client.base_url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def recording_id(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A recording that has ended."""
    sent = system.upload(write(tmp_path_factory.mktemp("letters") / "tone.wav", tone(555.0, duration_s=1.0)))
    system.ended(sent.json()["id"])
    return str(sent.json()["id"])


def test_a_whole_system_is_well(system: System, operator: httpx.Client) -> None:
    system.until(lambda: operator.get("/v1/health/detailed").json().get("status") == "ok")

    detailed = operator.get("/v1/health/detailed").json()

    assert set(detailed["services"]) == PARTS
    assert all(part["latency_ms"] >= 0 for part in detailed["services"].values())
    assert detailed["services"]["analysis"]["workers"] == 2
    assert system.client.get("/v1/health").json() == {"status": "ok", "services": dict.fromkeys(PARTS, "ok")}
    assert system.client.get("/v1/health/services/storage").json()["status"] == "ok"


def test_details_of_health_are_for_operators(system: System) -> None:
    assert system.client.get("/v1/health/detailed").status_code == 403


def test_every_service_says_how_it_is(system: System) -> None:
    answers = {name: httpx.get(f"{service.url}/healthz") for name, service in system.services.items()}

    assert {name: answer.json()["status"] for name, answer in answers.items()} == dict.fromkeys(system.services, "ok")


def test_queues_are_those_of_both_services_and_lanes(system: System) -> None:
    answer = system.client.get("/v1/queues").json()

    assert answer["source"] == "management"
    assert [each["service"] for each in answer["services"]] == ["spectrogram", "analysis"]
    assert [[lane["workers"] for lane in each["lanes"]] for each in answer["services"]] == [[1, 1], [1, 1]]


def test_what_is_no_event_can_be_seen_replayed_and_discarded_by_operators_alone(
    system: System, operator: httpx.Client
) -> None:
    letter = _parked(system, operator, b"{]")

    assert (letter["service"], letter["project"], letter["error"][:12]) == ("spectrogram", None, "This message")
    where = f"/v1/dead-letters/{letter['id']}"
    assert system.client.get(where).status_code == 404
    assert letter["id"] not in [each["id"] for each in system.client.get("/v1/dead-letters").json()["items"]]
    assert operator.get(where).json()["body"] == "{]"
    assert operator.post(f"{where}/replay").json()["replays"] == 1
    # It is still no event: it dies again.
    system.until(lambda: operator.get(where).json()["deaths"] == 2)
    assert operator.get(where).json()["status"] == "parked"
    assert operator.delete(where).status_code == 204
    assert operator.delete(where).status_code == 204
    assert (operator.get(where).json()["status"], operator.post(f"{where}/replay").json()["code"]) == (
        "discarded",
        "not_parked",
    )


def test_what_is_no_text_is_not_sent_again(system: System, operator: httpx.Client) -> None:
    letter = _parked(system, operator, b"\xff\xfe\x00")

    answer = operator.post(f"/v1/dead-letters/{letter['id']}/replay")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_replayable")


def test_an_owner_replays_what_is_theirs_after_a_dry_run(system: System, recording_id: str) -> None:
    project = f"letters-{uuid.uuid4().hex[:8]}"
    owner = {"Authorization": f"Bearer {system.key_for(project)}"}
    mine = [asyncio.run(parked_letter(system, project, recording_id)) for _ in range(3)]
    asyncio.run(parked_letter(system, f"{project}-elsewhere", recording_id))

    def replayed(**wish: Any) -> dict[str, Any]:
        said: dict[str, Any] = system.client.post("/v1/dead-letters/replay", json=wish, headers=owner).json()
        return said

    dry = replayed()
    listed = system.client.get("/v1/dead-letters", params={"limit": 2}, headers=owner).json()
    rest = {"limit": 2, "cursor": listed["next_cursor"]}
    more = system.client.get("/v1/dead-letters", params=rest, headers=owner).json()

    assert (dry["dry_run"], dry["matching"], dry["replayed"]) == (True, 3, [])
    assert [each["id"] for each in [*listed["items"], *more["items"]]] == mine[::-1]
    assert replayed(dry_run=False, limit=1)["replayed"] == mine[:1]
    assert replayed(dry_run=False)["replayed"] == mine[1:]
    assert replayed(dry_run=False)["matching"] == 0


def test_the_command_line_lists_shows_replays_and_discards(system: System, recording_id: str) -> None:
    project = f"letters-{uuid.uuid4().hex[:8]}"
    first, second = (asyncio.run(parked_letter(system, project, recording_id)) for _ in range(2))

    listed = _letters(system, "list", "--project", project).splitlines()
    shown = json.loads(_letters(system, "show", first))
    dry = _letters(system, "replay", "--project", project)
    done = _letters(system, "replay", first, "--yes")
    _letters(system, "discard", second)

    assert [line.split("\t")[0] for line in listed] == [second, first]
    assert (shown["id"], shown["status"], shown["headers"]["ce-type"]) == (first, "parked", "recording.uploaded.v1")
    assert dry == "2 can be sent again, 2 of them now; --yes sends them."
    assert done == f"The dead letter {first} goes to spectrogram again."
    assert _letters(system, "list", "--project", project) == ""
    assert json.loads(_letters(system, "show", second))["status"] == "discarded"


def _letters(system: System, *words: str) -> str:
    return _command(system, "dead-letters", *words)


def _command(system: System, *words: str) -> str:
    command = [sys.executable, "-m", "services.gateway", *words]
    done = subprocess.run(command, env=dict(system.environment), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _parked(system: System, operator: httpx.Client, body: bytes) -> dict[str, Any]:
    """Send the spectrogram and the analysis service something that is no event; return the first one's letter."""
    event_id = f"test-{uuid.uuid4()}"
    asyncio.run(_send(system, event_id, body))

    def found() -> list[dict[str, Any]]:
        page = operator.get("/v1/dead-letters", params={"service": "spectrogram", "limit": 200}).json()
        return [each for each in page["items"] if each["event_id"] == event_id]

    system.until(lambda: bool(found()))
    return found()[0]


async def _send(system: System, event_id: str, body: bytes) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": "test",
        "ce-type": "recording.uploaded.v1",
    }
    async with await aio_pika.connect(system.environment["AMQP_URL"]) as connection:
        exchange = await (await connection.channel()).get_exchange(EVENTS_EXCHANGE)
        message = aio_pika.Message(body, headers=dict(headers), message_id=event_id)
        await exchange.publish(message, "recording.uploaded.v1.bulk")
