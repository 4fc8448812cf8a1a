from collections import Counter
from pathlib import Path

import httpx
import pytest

from client import AsyncClient, Client, Credentials, UnreachableError, Uploaded, UploadWish, uploading
from client.files import LocalRecording, found_recordings
from client.unfinished import UnfinishedUploads
from tests.unit.client.gateway import URL, FakeGateway

CREDENTIALS = Credentials(URL, "dc_1_secret")
AUDIO = bytes(range(95))
LARGE = UploadWish(in_parts_from_bytes=1)


def test_a_recording_is_sent_once_however_often_one_asks(tmp_path: Path) -> None:
    gateway = FakeGateway()

    first, again = _uploaded(gateway, tmp_path), _uploaded(gateway, tmp_path)

    assert (first.sent_bytes, first.was_known) == (95, False)
    assert (again.sent_bytes, again.was_known) == (0, True)
    assert gateway.audio_bytes == 95
    assert first.recording_id == again.recording_id


def test_a_large_recording_goes_in_parts_past_the_gateway(tmp_path: Path) -> None:
    gateway = FakeGateway()

    uploaded = _uploaded(gateway, tmp_path, LARGE)

    assert list(gateway.known.values()) == [uploaded.recording_id]
    assert Counter(each.url.host for each in gateway.asked if each.method == "PUT") == {"store": 10}
    assert all("authorization" not in each.headers for each in gateway.asked if each.method == "PUT")


def test_an_interrupted_upload_goes_on_with_the_parts_that_are_missing(tmp_path: Path) -> None:
    gateway = FakeGateway()
    gateway.disturb = lambda request: _break_off(request) if request.url.path == "/parts/4" else None
    with pytest.raises(UnreachableError):
        _uploaded(gateway, tmp_path, LARGE)
    gateway.disturb, gateway.asked = lambda request: None, []

    uploaded = _uploaded(gateway, tmp_path, LARGE)

    assert uploaded.resumed
    assert uploaded.sent_bytes == gateway.audio_bytes == 65
    assert len(gateway.known) == 1


def test_an_upload_that_was_given_up_begins_anew(tmp_path: Path) -> None:
    unfinished = UnfinishedUploads(URL, tmp_path / "state")
    local = _local(tmp_path)
    unfinished.begin(None, local.sha256, "gone")

    uploaded = _uploaded(FakeGateway(), tmp_path, LARGE)

    assert (uploaded.resumed, uploaded.sent_bytes) == (False, 95)
    assert unfinished.begun(None, local.sha256) is None


async def test_the_asynchronous_client_sends_the_same(tmp_path: Path) -> None:
    gateway, told = FakeGateway(), []
    unfinished = UnfinishedUploads(URL, tmp_path / "state")

    async with AsyncClient(CREDENTIALS, transport=httpx.MockTransport(gateway.later)) as client:
        uploaded = await client.run(uploading(_local(tmp_path), LARGE, unfinished, told.append))

    assert uploaded == Uploaded(next(iter(gateway.known.values())), 95)
    assert sum(told) == 95


async def test_of_parts_that_are_sent_at_once_the_first_failure_is_told(tmp_path: Path) -> None:
    gateway = FakeGateway()
    gateway.disturb = lambda request: httpx.Response(403) if request.method == "PUT" else None
    unfinished = UnfinishedUploads(URL, tmp_path / "state")

    async with AsyncClient(CREDENTIALS, transport=httpx.MockTransport(gateway.later)) as client:
        with pytest.raises(Exception, match="store answered 403"):
            await client.run(uploading(_local(tmp_path), LARGE, unfinished))


def test_bytes_that_are_sent_again_are_told_once(tmp_path: Path) -> None:
    gateway, told = FakeGateway(), []
    gateway.disturb = lambda request: httpx.Response(503) if _is_first_post(gateway) else None

    _uploaded(gateway, tmp_path, told=told)

    assert gateway.lines.count("POST /v1/recordings") == 2
    assert sum(told) == 95


def test_of_a_folder_only_recordings_are_sent_and_each_once(tmp_path: Path) -> None:
    for name in ("night/b.FLAC", "night/a.wav", "night/notes.txt", "night/._a.wav", "odd.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = found_recordings([tmp_path / "odd.bin", tmp_path / "night", tmp_path / "night/a.wav"])

    assert [path.name for path in found] == ["odd.bin", "a.wav", "b.FLAC"]


def _uploaded(
    gateway: FakeGateway, folder: Path, wish: UploadWish | None = None, told: list[int] | None = None
) -> Uploaded:
    unfinished = UnfinishedUploads(URL, folder / "state")
    heard = told if told is not None else []
    transport = httpx.MockTransport(gateway)
    with Client(CREDENTIALS, transport=transport, sleep=lambda pause_s: None) as client:
        return client.run(uploading(_local(folder), wish or UploadWish(), unfinished, heard.append))


def _local(folder: Path) -> LocalRecording:
    (folder / "dawn.wav").write_bytes(AUDIO)
    return LocalRecording.at(folder / "dawn.wav")


def _break_off(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("broken", request=request)


def _is_first_post(gateway: FakeGateway) -> bool:
    return gateway.asked[-1].method == "POST" and len(gateway.asked) == 2
