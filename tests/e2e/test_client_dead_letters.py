"""The command line's dead letters, against the real system."""

import asyncio
import uuid
from pathlib import Path

import pytest

from tests.audio import tone, write
from tests.command_line import command_line_of
from tests.system import System

from .letters import parked_letter

pytestmark = pytest.mark.servers


def test_dead_letters_are_counted_before_they_are_sent_again(system: System, tmp_path: Path) -> None:
    project = f"letters-{uuid.uuid4().hex[:8]}"
    recording_id = system.upload(write(tmp_path / "letter.wav", tone(757.0))).json()["id"]
    system.ended(recording_id)
    first, second, third = (asyncio.run(parked_letter(system, project, recording_id)) for _ in range(3))
    owner = command_line_of(system, tmp_path, system.key_for(project))

    listed = owner.json("dlq", "list")
    counted = owner.run("dlq", "replay", "--project", project).stdout
    shown = owner.json("dlq", "show", first)
    discarded = owner.run("dlq", "discard", third)
    sent_again = owner.json("dlq", "replay", "--project", project, "--yes")

    assert [each["id"] for each in listed] == [third, second, first]
    assert counted == "3 can be sent again, 3 of them now; --yes sends them.\n"
    assert shown["headers"]["ce-type"] == "recording.uploaded.v1"
    assert discarded.returncode == 0, discarded.stderr
    assert sent_again["replayed"] == [first, second]
    assert [each["id"] for each in owner.json("dlq", "list", "--status", "discarded")] == [third]
    assert owner.run("dlq", "show", "none").returncode == 1
