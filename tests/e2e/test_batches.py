"""Many recordings at once, and the routes of the earlier audio processor."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from chassis.objects import open_object_store
from chassis.settings import ServiceSettings
from tests.audio import Signal, tone, write
from tests.receiver import Reply, receiving
from tests.system import System

pytestmark = pytest.mark.servers

INBOX = "s3://dawnchorus/inbox/default"
RATE_HZ = 8000


def test_of_two_hundred_items_three_bad_ones_harm_no_other(system: System, tmp_path: Path) -> None:
    # Forty recordings, most of them several times: the same bytes are one recording.
    bodies = [write(tmp_path / f"{n}.wav", _noise(n), RATE_HZ).read_bytes() for n in range(40)]
    objects = {f"many/{n}.wav": bodies[n % 40] for n in range(197)} | {"many/words.wav": b"these are no samples " * 50}
    _put(system, objects)
    uris = [f"{INBOX}/{key}" for key in objects] + [f"{INBOX}/many/missing.wav", "s3://theirs/inbox/default/a.wav"]

    planned = _answer(system.client.post("/v1/batches", params={"dry_run": True}, json=_batch(uris)), 200)
    made = _answer(system.client.post("/v1/batches", json=_batch(uris)), 202)

    assert (planned["items"], [each["number"] for each in planned["refused"]]) == (200, [199])
    assert planned["unknown_length"] == 199
    assert made["refused"][0]["error"]["code"] == "foreign_uri"
    system.until(lambda: _batch_of(system, made)["status"] == "partial", within_s=300)
    done = _batch_of(system, made)
    assert (done["counts"], done["progress"]) == ({"completed": 197, "failed": 3}, 1)
    failed = system.client.get(f"{made['links']['items']}", params={"status": "failed"}).json()["items"]
    assert [each["error"]["code"] for each in failed] == ["unsupported", "object_missing", "foreign_uri"]

    _put(system, {"many/missing.wav": write(tmp_path / "late.wav", _noise(99), RATE_HZ).read_bytes()})
    _answer(system.client.post(f"{made['links']['self']}/retry-failed"), 202)

    system.until(lambda: _batch_of(system, made)["counts"] == {"completed": 198, "failed": 2})


def test_recordings_that_are_here_are_worked_on_again_and_priced_first(system: System, tmp_path: Path) -> None:
    recording_id = system.upload(write(tmp_path / "here.wav", tone(701.0))).json()["id"]
    duration_s = system.ended(recording_id)["duration_s"]
    wanted = {"items": [{"recording_id": recording_id}], "analysis": {"extractors": ["loudness"]}, "priority": 9}

    planned = _answer(system.client.post("/v1/batches", params={"dry_run": True}, json=wanted), 200)
    made = _answer(system.client.post("/v1/batches", json=wanted), 202)

    assert planned["audio_s"] == pytest.approx(duration_s)
    assert planned["cost_s"] == pytest.approx(planned["cost_per_audio_s"] * duration_s)
    assert made["lane"] == "interactive"
    system.until(lambda: _batch_of(system, made)["status"] == "completed")
    rerun = system.client.get(f"/v1/recordings/{recording_id}/analysis/status").json()["rerun"]
    assert rerun["status"] == "completed"


def test_an_upload_is_part_of_the_batch_that_it_names(system: System, tmp_path: Path) -> None:
    made = _answer(system.client.post("/v1/batches", json={"name": "by hand"}), 202)
    sound = write(tmp_path / "part.wav", tone(709.0))

    sent = system.upload(sound, batch=made["id"])
    system.upload(sound, batch=made["id"])
    words = tmp_path / "words.wav"
    words.write_bytes(b"RIFF\x00\x00\x00\x00WAVEnothing else" * 9)
    refused = system.upload(words, batch=made["id"])

    assert (sent.status_code, refused.is_success) == (202, False)
    system.until(lambda: _batch_of(system, made)["status"] in ("completed", "partial"))
    items = system.client.get(made["links"]["items"]).json()["items"]
    assert items[0]["recording_id"] == sent.json()["id"]
    told = system.client.get(f"/v1/recordings/{sent.json()['id']}/history").json()["events"]
    assert {each["data"]["batch_id"] for each in told} == {made["id"]}
    assert system.upload(sound, batch="nobody's").status_code == 404


def test_a_cancelled_batch_ends_with_nothing_open(system: System, tmp_path: Path) -> None:
    worker = system.services["spectrogram"]
    worker.stop()
    try:
        objects = {
            f"stopped/{n}.wav": write(tmp_path / f"{n}.wav", _noise(200 + n), RATE_HZ).read_bytes() for n in range(20)
        }
        _put(system, objects)
        made = _answer(system.client.post("/v1/batches", json=_batch([f"{INBOX}/{key}" for key in objects])), 202)
        _answer(system.client.post(f"{made['links']['self']}/cancel"), 202)
        system.until(lambda: _batch_of(system, made)["completed_at"] is not None)
    finally:
        worker.start()
        worker.wait_until_ready()

    counts = _batch_of(system, made)["counts"]
    assert sum(counts.values()) == 20
    assert set(counts) <= {"cancelled", "partial", "completed"}


def test_the_earlier_systems_routes_answer_with_the_manifest_when_they_may_wait(system: System, tmp_path: Path) -> None:
    _put(system, {"one.wav": write(tmp_path / "one.wav", _noise(300), RATE_HZ).read_bytes()})
    wanted = {"input_uri": f"{INBOX}/one.wav", "video_id": "one", "extractors": ["loudness"], "use_gpu": False}

    manifest = _answer(system.client.post("/v1/process", params={"wait": 60}, json=wanted), 200)

    assert manifest["schema_version"] == "audio_manifest_v1"
    assert "loudness" in {each["name"] for each in manifest["extractors"]}


def test_the_earlier_systems_words_for_states(system: System, tmp_path: Path) -> None:
    _put(system, {"two.wav": write(tmp_path / "two.wav", _noise(301), RATE_HZ).read_bytes()})
    items = [{"input_uri": f"{INBOX}/{name}.wav", "video_id": name} for name in ("two", "nowhere")]

    made = _answer(system.client.post("/v1/batch", json={"items": items}), 202)

    two, nowhere = made["tasks"]
    assert (two["status"], two["progress"], two["video_id"]) == ("pending", 0, "two")
    system.until(lambda: _status(system, two["task_id"])["status"] == "completed")
    system.until(lambda: _status(system, nowhere["task_id"])["status"] == "failed")
    assert _status(system, two["task_id"])["progress"] == 100
    assert _status(system, nowhere["task_id"])["error"]["code"] == "object_missing"
    assert system.client.get("/v1/status/nobody-0").status_code == 404


def test_a_recording_is_fetched_from_a_listed_host_and_from_no_other(system: System, tmp_path: Path) -> None:
    body = write(tmp_path / "far.wav", _noise(302), RATE_HZ).read_bytes()
    with receiving() as there:
        there.answering = lambda taken: Reply(body=body) if taken.path == "/far.wav" else Reply(404)
        port = there.url.rpartition(":")[2]
        urls = [f"{there.url}/far.wav", f"{there.url}/gone.wav", f"http://localhost:{port}/far.wav"]
        made = _answer(system.client.post("/v1/batches", json=_batch(urls)), 202)
        system.until(lambda: _batch_of(system, made)["status"] == "partial")

    items = system.client.get(made["links"]["items"]).json()["items"]
    assert [each["status"] for each in items] == ["completed", "failed", "failed"]
    assert [each["error"]["code"] for each in items[1:]] == ["address_unreachable", "foreign_uri"]
    assert {taken.path for taken in there.taken} == {"/far.wav", "/gone.wav"}


def _batch(uris: list[str]) -> dict[str, Any]:
    return {"name": "many", "items": [{"uri": uri} for uri in uris]}


def _batch_of(system: System, made: dict[str, Any]) -> dict[str, Any]:
    return _answer(system.client.get(made["links"]["self"]), 200)


def _status(system: System, task_id: str) -> dict[str, Any]:
    return _answer(system.client.get(f"/v1/status/{task_id}"), 200)


def _answer(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def _put(system: System, objects: dict[str, bytes]) -> None:
    environment = system.environment
    settings = ServiceSettings(
        amqp_url="",
        mongodb_url="",
        s3_endpoint_url=environment["S3_ENDPOINT_URL"],
        s3_access_key_id=environment["S3_ACCESS_KEY_ID"],
        s3_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
    )

    async def put() -> None:
        async with open_object_store(settings) as store:
            for key, body in objects.items():
                await store.put(f"inbox/default/{key}", body, "audio/wav")

    asyncio.run(put())


def _noise(seed: int) -> Signal:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (RATE_HZ // 2, 1)).astype(np.float32)
