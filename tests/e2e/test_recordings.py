"""What clients do with recordings: ask before sending, send safely, find, change, fetch, delete and restore them."""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers


@pytest.mark.recordings
def test_an_audiomoth_is_found_by_when_it_recorded(system: System, recordings: Path) -> None:
    night = recordings / "night" / "S4A03895_20190522_053000.wav"
    moth = system.upload(recordings / "metadata.wav").json()["id"]
    named = system.upload(night).json()["id"]

    shown = system.recording(moth)["recorded_at"]
    listed = _listed(system, recorded_from="2020-04-04T00:00:00Z", recorded_to="2020-04-05T00:00:00Z")
    sorted_ids = [each["id"] for each in _listed(system, sort="recorded_at") if each["id"] in (moth, named)]

    assert (shown["local"], shown["utc"], shown["utc_source"]) == (
        "2020-04-04T10:25:00",
        "2020-04-04T10:25:00Z",
        "audiomoth",
    )
    assert system.recording(named)["recorded_at"]["local"] == "2019-05-22T05:30:00"
    assert moth in [each["id"] for each in listed]
    assert named not in [each["id"] for each in listed]
    assert sorted_ids == [named, moth]


def test_asking_by_hash_spares_sending(system: System, tmp_path: Path) -> None:
    body = write(tmp_path / "asked.wav", tone(10611.0)).read_bytes()
    query = {"sha256": hashlib.sha256(body).hexdigest()}

    before = system.client.head("/v1/recordings", params=query)
    recording_id = system.client.post("/v1/recordings", content=body).json()["id"]
    after = system.client.head("/v1/recordings", params=query)

    assert (before.status_code, after.status_code) == (404, 200)
    assert after.headers["location"] == f"/v1/recordings/{recording_id}"
    assert system.client.head("/v1/recordings", params={"sha256": "x"}).status_code == 400


def test_a_request_that_is_repeated_is_answered_the_same(system: System, tmp_path: Path) -> None:
    body, other = (write(tmp_path / f"{hz}.wav", tone(hz)).read_bytes() for hz in (10613.0, 10617.0))
    headers = {"Idempotency-Key": "613"}

    first = system.client.post("/v1/recordings", content=body, headers=headers)
    again = system.client.post("/v1/recordings", content=body, headers=headers)
    reused = system.client.post("/v1/recordings", content=other, headers=headers)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("header", ["Content-Digest", "Digest"])
@pytest.mark.parametrize("form", [False, True])
def test_a_digest_is_compared_with_the_body(system: System, tmp_path: Path, header: str, *, form: bool) -> None:
    body = write(tmp_path / "d.wav", tone(10619.0 + 4 * form + 8 * (header == "Digest"))).read_bytes()
    request = system.client.build_request(
        "POST", "/v1/recordings", **({"files": {"file": body}} if form else {"content": body})
    )
    sent = request.read()

    right = _sent(system, request, sent, header, hashlib.sha256(sent).digest())
    wrong = _sent(system, request, sent, header, hashlib.sha256(b"").digest())

    assert (wrong.status_code, wrong.json()["code"]) == (400, "digest_mismatch")
    assert right.status_code == 202
    malformed = {**request.headers, header: "sha-256=nonsense!"}
    answer = system.client.post("/v1/recordings", content=sent, headers=malformed)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_digest")


@pytest.mark.parametrize(
    ("header", "status"), [("Idempotency-Key", 400), ("Content-Digest", 400), ("Digest", 400), ("Content-Type", 202)]
)
def test_any_byte_in_a_header_is_the_clients_problem(system: System, tmp_path: Path, header: str, status: int) -> None:
    body = write(tmp_path / "h.wav", tone(10677.0 + len(header))).read_bytes()

    answer = system.client.post("/v1/recordings", content=body, headers=[(header.encode(), b"audio/\xe9")])

    assert answer.status_code == status, answer.text


def test_audio_comes_back_whole_in_parts_and_as_a_clip(system: System, tmp_path: Path) -> None:
    path = write(tmp_path / "gräser & «Vögel».wav", tone(10631.0, duration_s=3.0))
    body = path.read_bytes()
    where = f"/v1/recordings/{system.upload(path).json()['id']}/audio"

    whole = system.client.get(where)
    part = system.client.get(where, headers={"Range": "bytes=100-199", "If-Range": whole.headers["etag"]})
    changed = system.client.get(where, headers={"Range": "bytes=100-199", "If-Range": '"other"'})
    kept = system.client.get(where, headers={"If-None-Match": whole.headers["etag"]})
    beyond = system.client.get(where, headers={"Range": f"bytes={len(body)}-"})
    clip = system.client.get(where, params={"start_s": 1, "end_s": 1.5})

    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, body, "audio/wav")
    assert "filename=\"gr_ser _ _V_gel_.wav\"; filename*=UTF-8''gr%C3%A4ser%20" in whole.headers["content-disposition"]
    assert (part.status_code, part.content) == (206, body[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(body)}"
    assert (changed.status_code, len(changed.content)) == (200, len(body))
    assert (kept.status_code, kept.content, beyond.status_code) == (304, b"", 416)
    samples, rate_hz = soundfile.read(io.BytesIO(clip.content), dtype="float32")
    original, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(samples, original[rate_hz : rate_hz * 3 // 2])


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"start_s": 1}, 400, "bad_request"),
        ({"start_s": "nan", "end_s": 1}, 400, "bad_request"),
        ({"start_s": -1, "end_s": 1}, 400, "bad_request"),
        ({"start_s": 2, "end_s": 1}, 422, "region_empty"),
        ({"start_s": 0, "end_s": 1000}, 422, "clip_too_long"),
        ({"start_s": 50, "end_s": 51}, 422, "region_outside_recording"),
    ],
)
def test_a_clip_that_cannot_be_is_refused(
    system: System, tmp_path: Path, query: dict[str, Any], status: int, code: str
) -> None:
    recording_id = system.upload(write(tmp_path / "clip.wav", tone(10641.0))).json()["id"]

    answer = system.client.get(f"/v1/recordings/{recording_id}/audio", params=query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_a_client_says_is_listed_by(system: System, tmp_path: Path) -> None:
    recording_id = system.upload(write(tmp_path / "said.wav", tone(10643.0))).json()["id"]
    wanted = {"name": "Morning.wav", "tags": ["moor", "x643"], "recorded_at": "2021-05-01T05:00:00+02:00"}

    changed = system.client.patch(f"/v1/recordings/{recording_id}", json=wanted)
    refused = system.client.patch(f"/v1/recordings/{recording_id}", json={"colour": "red"})
    [line] = _listed(system, tag="x643", fields="id,name,recorded_at")

    assert changed.status_code == 200, changed.text
    assert changed.json()["recorded_at"]["utc"] == "2021-05-01T03:00:00Z"
    assert (refused.status_code, refused.headers["content-type"].partition(";")[0]) == (400, "application/problem+json")
    assert line.keys() == {"id", "name", "recorded_at"}
    assert (line["id"], line["name"]) == (recording_id, "Morning.wav")
    assert _listed(system, name="MORNING", tag="x643")
    assert _listed(system, tag=["x643", "desert"]) == []


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "colour"},
        {"status": "lost"},
        {"fields": "id,secret"},
        {"recorded_from": "yesterday"},
        {"duration_min_s": -1},
        {"name": "a\0b"},
        {"limit": 0},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(system: System, query: dict[str, Any]) -> None:
    answer = system.client.get("/v1/recordings", params=query)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_deleted_recording_is_nowhere_and_restored_it_is_as_before(system: System, tmp_path: Path) -> None:
    path = write(tmp_path / "gone.wav", tone(10647.0))
    recording_id = system.upload(path, project="default").json()["id"]
    before = system.ended(recording_id)
    where = f"/v1/recordings/{recording_id}"

    deleted = system.client.delete(where)
    gone = [system.client.get(f"{where}{rest}").status_code for rest in _ROUTES]
    listed = [each["id"] for each in _listed(system)]
    can_be_restored = [each["id"] for each in _listed(system, deleted=True)]
    restored = system.client.post(f"{where}/restore")

    assert (deleted.status_code, restored.status_code) == (204, 200)
    assert gone == [404] * len(_ROUTES)
    assert recording_id not in listed
    assert recording_id in can_be_restored
    after = system.ended(recording_id)
    assert {**after, "restorable_until": None} == {**before, "restorable_until": None}
    assert system.client.get(f"{where}/spectrogram").status_code == 200
    assert system.client.post(f"{where}/restore").status_code == 404


def test_a_job_on_a_deleted_recording_stops_and_begins_again_when_it_is_restored(
    system: System, tmp_path: Path
) -> None:
    # Long enough that no machine has analysed it before it is deleted.
    noise = np.random.default_rng(673).normal(0, 0.1, (40 * 60 * 16_000, 1)).astype(np.float32)
    path = write(tmp_path / "long.wav", noise, 16_000, subtype="PCM_16")
    recording_id = system.upload(path, lane="bulk").json()["id"]
    where = f"/v1/recordings/{recording_id}"
    system.until(lambda: system.recording(recording_id)["analysis"]["status"] == "processing")

    system.client.delete(where)
    system.until(lambda: _stopped(system, recording_id))
    system.client.post(f"{where}/restore")
    system.until(lambda: system.recording(recording_id)["analysis"]["status"] == "processing")
    attempts = system.recording(recording_id)["analysis"]["attempts"]
    system.client.delete(where)
    system.until(lambda: _stopped(system, recording_id, times=2))

    # What was stopped was no failure, and counts for nothing.
    assert attempts == 1


def _stopped(system: System, recording_id: str, times: int = 1) -> bool:
    log = system.services["analysis"].process.log.read_text()
    return sum("task_stopped" in line and recording_id in line for line in log.splitlines()) >= times


def test_many_are_deleted_at_once_and_each_is_answered_for(system: System, tmp_path: Path) -> None:
    ids = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))).json()["id"] for hz in (653.0, 659.0)]

    answer = system.client.post("/v1/recordings/delete", json={"ids": [*ids, "nobody's"]})
    too_many = system.client.post("/v1/recordings/delete", json={"ids": ["a"] * 1001})

    assert [each["status"] for each in answer.json()["items"]] == ["deleted", "deleted", "not_found"]
    assert too_many.status_code == 400


def test_a_large_recording_is_sent_in_parts_straight_to_the_store(system: System, tmp_path: Path) -> None:
    noise = np.random.default_rng(661).uniform(-0.5, 0.5, (200 * 44_100, 1)).astype(np.float32)
    body = write(tmp_path / "large.wav", noise, subtype="PCM_16").read_bytes()
    batch = system.client.post("/v1/batches", json={"name": "large ones"}).json()
    wanted = {"name": "large.wav", "size_bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    wanted |= {"batch": batch["id"], "priority": 9}

    begun = system.client.post("/v1/uploads", json=wanted)
    where = begun.headers["location"]
    _put(system, where, body, [1])
    early = system.client.post(f"{where}/complete")
    resumed = system.client.get(where).json()
    missing = [number for number in range(1, resumed["parts"] + 1) if number not in resumed["stored"]]
    _put(system, where, body, missing)
    completed = system.client.post(f"{where}/complete")
    again = system.client.post(f"{where}/complete")

    assert (begun.status_code, resumed["parts"], resumed["stored"]) == (201, 2, [1])
    assert (early.status_code, early.json()["code"], early.json()["missing"]) == (409, "parts_missing", [2])
    assert (completed.status_code, again.status_code) == (202, 202)
    assert completed.json()["id"] == again.json()["id"] == begun.json()["id"]
    ended = system.ended(begun.json()["id"])
    assert (ended["audio"]["sha256"], ended["lane"]) == (wanted["sha256"], "interactive")
    [item] = system.client.get(batch["links"]["items"]).json()["items"]
    assert item["recording_id"] == begun.json()["id"]


def test_an_upload_that_is_given_up_is_gone(system: System) -> None:
    where = system.client.post("/v1/uploads", json={"name": "a.wav", "size_bytes": 7}).headers["location"]

    assert system.client.delete(where).status_code == 204
    assert system.client.get(where).status_code == 404


_ROUTES = ("", "/audio", "/spectrogram", "/spectrogram/tiles", "/analysis", "/similar", "/waveform")


def _listed(system: System, **query: Any) -> list[dict[str, Any]]:
    answer = system.client.get("/v1/recordings", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _sent(system: System, request: httpx.Request, body: bytes, header: str, digest: bytes) -> httpx.Response:
    text = base64.b64encode(digest).decode()
    value = f"sha-256=:{text}:" if header == "Content-Digest" else f"SHA-256={text}"
    return system.client.post("/v1/recordings", content=body, headers={**request.headers, header: value})


def _put(system: System, where: str, body: bytes, numbers: list[int]) -> None:
    for part in system.client.post(f"{where}/urls", json={"numbers": numbers}).json()["items"]:
        content = body[part["offset_bytes"] : part["offset_bytes"] + part["size_bytes"]]
        assert httpx.put(part["url"], content=content, timeout=60).status_code == 200
