"""The command line's batches and retries, against the real system."""

from pathlib import Path

import pytest

from tests.audio import tone, write
from tests.command_line import CommandLine, command_line_of
from tests.system import System

pytestmark = pytest.mark.servers


@pytest.fixture
def command_line(system: System, tmp_path: Path) -> CommandLine:
    return command_line_of(system, tmp_path)


def test_a_batch_is_priced_made_followed_and_cancelled(
    system: System, command_line: CommandLine, tmp_path: Path
) -> None:
    (sent,) = command_line.json("upload", str(write(tmp_path / "batched.wav", tone(739.0))), "--wait", "60")
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{sent['recording_id']}\n\n")

    planned = command_line.json("batch", "create", "--from", str(listed), "--dry-run")
    made = command_line.json("batch", "create", sent["recording_id"], "--name", "again")
    system.until(lambda: command_line.json("batch", "show", made["id"])[0]["status"] == "completed")
    items = command_line.json("batch", "items", made["id"])
    refused = command_line.run("batch", "create", sent["recording_id"], "s3://theirs/a.wav")

    assert planned["items"] == 1
    assert [each["recording_id"] for each in items] == [sent["recording_id"]]
    assert made["id"] in [each["id"] for each in command_line.json("batch", "list")]
    assert command_line.json("batch", "cancel", made["id"])[0]["status"] == "completed"
    assert refused.returncode == 1
    assert "s3://theirs/a.wav" in refused.stderr
    assert command_line.run("retry-failed", "--batch", refused.stdout.strip()).returncode == 0


def test_uploads_join_the_batch_that_they_name(command_line: CommandLine, tmp_path: Path) -> None:
    made = command_line.json("batch", "create", "--name", "by hand")
    path = write(tmp_path / "joined.wav", tone(743.0))

    (sent,) = command_line.json("upload", str(path), "--batch", made["id"], "--priority", "9")

    items = command_line.json("batch", "items", made["id"])
    assert [each["recording_id"] for each in items] == [sent["recording_id"]]


def test_what_was_cancelled_is_done_again(system: System, command_line: CommandLine, tmp_path: Path) -> None:
    worker = system.services["spectrogram"]
    worker.stop()
    try:
        (sent,) = command_line.json("upload", str(write(tmp_path / "cancelled.wav", tone(751.0))))
        system.client.post(f"/v1/recordings/{sent['recording_id']}/cancel").raise_for_status()
    finally:
        worker.start()
        worker.wait_until_ready()

    retried = command_line.json("retry-failed", sent["recording_id"])

    assert retried[0]["id"] == sent["recording_id"]
    assert system.ended(sent["recording_id"])["status"] == "completed"
