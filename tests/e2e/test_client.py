"""The command line and the library, against the real system."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from client import Client, Credentials, UploadWish, recordings, uploading
from client.files import LocalRecording
from client.unfinished import UnfinishedUploads
from deploy.local.waiting import wait_until
from tests.audio import tone, write
from tests.command_line import CommandLine, command_line_of, key_of, url_of
from tests.counting import CountingDoor, counting_door
from tests.system import DEADLINE_S, System

pytestmark = pytest.mark.servers

# Enough parts of 16 MiB that some are there and some are not; the same was seen with 300 MB.
LARGE_BYTES = 120_000_000


@pytest.fixture
def command_line(system: System, tmp_path: Path) -> CommandLine:
    return command_line_of(system, tmp_path)


@pytest.fixture
def door(system: System) -> Iterator[CountingDoor]:
    with counting_door(urlsplit(str(system.client.base_url)).port or 0) as counting:
        yield counting


def test_a_recording_is_sent_watched_and_fetched_by_commands(command_line: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path / "sent.wav", tone(7013.0))

    (sent,) = command_line.json("upload", str(path), "--wait", "60")
    recording_id = sent["recording_id"]
    fetched = command_line.run("spectrogram", recording_id, "-o", str(tmp_path / "sent.png"))
    manifest = command_line.json("analysis", recording_id)
    watched = command_line.run("watch", recording_id, "--json")

    assert (sent["status"], sent["sent_bytes"]) == ("completed", path.stat().st_size)
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "sent.png").read_bytes().startswith(b"\x89PNG")
    assert manifest["recording_id"] == recording_id
    assert watched.returncode == 0, watched.stderr
    assert json.loads(watched.stdout.splitlines()[0])["type"] == "status"
    assert command_line.json("status", recording_id)[0]["status"] == "completed"
    assert recording_id in [each["id"] for each in command_line.json("list", "--name", "sent.wav")]
    assert "sent.wav" in command_line.run("status", recording_id).stdout
    assert "loudness" in command_line.run("analysis", recording_id).stdout


def test_a_folder_that_is_uploaded_twice_sends_no_audio_twice(
    command_line: CommandLine, door: CountingDoor, tmp_path: Path
) -> None:
    (tmp_path / "night").mkdir()
    paths = [write(tmp_path / "night" / f"{hz}.wav", tone(hz, duration_s=2.0)) for hz in (709.0, 719.0, 727.0)]
    audio_bytes = sum(path.stat().st_size for path in paths)
    through = command_line.with_variables(DAWNCHORUS_URL=door.url)

    first = through.json("upload", str(tmp_path / "night"))
    first_bytes, door.sent_bytes = door.sent_bytes, 0
    again = through.json("upload", str(tmp_path / "night"))

    assert sum(each["sent_bytes"] for each in first) == audio_bytes < first_bytes
    assert [each["was_known"] for each in again] == [True] * 3
    assert [each["recording_id"] for each in again] == [each["recording_id"] for each in first]
    assert 0 < door.sent_bytes < 3000


def test_an_upload_that_was_killed_goes_on_where_it_was(
    system: System, command_line: CommandLine, tmp_path: Path
) -> None:
    path = _large(tmp_path / "large.wav")
    words = ("upload", str(path), "--lane", "bulk", "--json")
    begun = command_line.start(*words)
    try:
        assert wait_until(lambda: _stored(system, tmp_path), timeout_s=DEADLINE_S)
    finally:
        begun.send_signal(signal.SIGKILL)
        begun.wait()

    stored = _stored(system, tmp_path)
    (sent,) = command_line.json("upload", str(path), "--lane", "bulk")

    assert sent["resumed"]
    # What was on its way when the command was killed may have arrived, or not.
    assert 0 < sent["sent_bytes"] <= path.stat().st_size - stored * 16 * 1024 * 1024
    audio = system.recording(sent["recording_id"])["audio"]
    assert (audio["size_bytes"], audio["sha256"]) == (path.stat().st_size, LocalRecording.at(path).sha256)
    assert list((tmp_path / "state").rglob("uploads/*")) == []
    system.client.delete(f"/v1/recordings/{sent['recording_id']}").raise_for_status()


def test_what_one_command_says_another_program_can_read(command_line: CommandLine, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound at all")

    unknown = command_line.run("status", "nobody", "--json")
    refused = command_line.run("upload", str(text), "--json")
    stranger = command_line.with_variables(DAWNCHORUS_API_KEY="dc_0_0").run("list")
    nowhere = command_line.with_variables(DAWNCHORUS_URL="").run("list")

    assert (unknown.returncode, json.loads(unknown.stderr)["code"]) == (1, "not_found")
    assert (refused.returncode, json.loads(refused.stdout)[0]["error"]["code"]) == (1, "unsupported")
    assert (stranger.returncode, nowhere.returncode) == (4, 4)
    assert command_line.run("no-such-command").returncode == 2


def test_login_keeps_what_later_commands_need(command_line: CommandLine) -> None:
    logged_in = command_line.run("login")
    variables = {name: value for name, value in command_line.variables.items() if "DAWNCHORUS" not in name}

    assert logged_in.returncode == 0, logged_in.stderr
    assert CommandLine(variables).run("list", "--limit", "1").returncode == 0


def test_keys_are_made_listed_and_revoked(command_line: CommandLine) -> None:
    made = command_line.json("keys", "create", "recorder 12", "--project", "default", "--role", "reader")
    new = command_line.with_variables(DAWNCHORUS_API_KEY=made["key"])

    assert new.run("list", "--limit", "1").returncode == 0
    assert made["id"] in [each["id"] for each in command_line.json("keys", "list")]
    assert command_line.run("keys", "revoke", made["id"]).returncode == 0
    assert new.run("list").returncode == 4


def test_the_library_sends_without_the_command_line(system: System, tmp_path: Path) -> None:
    local = LocalRecording.at(write(tmp_path / "library.wav", tone(7331.0)))
    credentials = Credentials(url_of(system), key_of(system))

    with Client(credentials) as client:
        unfinished = UnfinishedUploads(credentials.url, tmp_path / "state")
        sent = client.run(uploading(local, UploadWish(in_parts_from_bytes=1), unfinished))
        event = next(client.listen(recording=sent.recording_id))
        found = client.send(recordings.recording(sent.recording_id))

    assert event.type == "status"
    assert (found.id, found.name) == (sent.recording_id, "library.wav")


def _large(path: Path) -> Path:
    rate_hz = 192_000
    noise = np.random.default_rng().integers(-20_000, 20_000, size=(rate_hz, 2), dtype=np.int16)
    with soundfile.SoundFile(path, "w", rate_hz, 2, "PCM_16") as file:
        for _ in range(LARGE_BYTES // noise.nbytes):
            file.write(noise)
    return path


def _stored(system: System, folder: Path) -> int:
    for path in (folder / "state").rglob("uploads/*"):
        upload_id = path.read_text()
        if "." not in path.name and upload_id:
            return len(system.client.get(f"/v1/uploads/{upload_id}").json().get("stored", []))
    return 0
