import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import REPOSITORY

Change = Callable[[Path], object]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the contracts, to be changed."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "contracts", tmp_path / "contracts", ignore=ignored)
    (tmp_path / "docs").mkdir()
    shutil.copy(REPOSITORY / "docs" / "events.md", tmp_path / "docs")
    return tmp_path


def test_what_is_committed_is_up_to_date() -> None:
    done = _contracts("check", REPOSITORY)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda root: _describe(root / "contracts/schemas/recording.uploaded.v1.json", "sha256"),
            "recording.uploaded.v1.json is stale",
        ),
        (
            lambda root: (root / "contracts/schemas/analysis.failed.v1.json").unlink(),
            "analysis.failed.v1.json is stale",
        ),
        (lambda root: (root / "docs/events.md").write_text("# Events\n"), "docs/events.md is stale"),
        (lambda root: (root / "contracts/asyncapi/asyncapi.json").write_text("{}"), "asyncapi.json is stale"),
        (
            lambda root: (root / "contracts/examples/recording.deleted.v1/0001.json").unlink(),
            "recording.deleted.v1 has no example",
        ),
        (
            lambda root: (root / "contracts/examples/recording.deleted.v1/0002.json").write_text("{}"),
            "recording.deleted.v1/0002.json no longer parses",
        ),
        (
            lambda root: (root / "contracts/schemas/recording.heard.v1.json").write_text("{}"),
            "recording.heard.v1.json",
        ),
    ],
)
def test_check_is_red_and_says_why(copied: Path, change: Change, told: str) -> None:
    change(copied)

    done = _contracts("check", copied)

    assert done.returncode == 1, done.stderr
    assert told in done.stdout


def test_build_refuses_to_overwrite_a_schema_with_a_breaking_change(copied: Path) -> None:
    published = copied / "contracts/schemas/recording.deleted.v1.json"
    _replace(copied / "contracts/events.py", "deleted_at: datetime", "removed_at: datetime")
    before = published.read_text()

    done = _contracts("build", copied)

    assert done.returncode == 1, done.stderr
    assert "deleted_at was removed" in done.stdout
    assert published.read_text() == before


def test_build_writes_what_an_added_optional_field_makes_stale(copied: Path) -> None:
    _replace(copied / "contracts/events.py", "deleted_at: datetime", "deleted_at: datetime\n    by: str | None = None")

    assert _contracts("check", copied).returncode == 1
    assert _contracts("build", copied).returncode == 0
    assert _contracts("check", copied).returncode == 0


def test_anything_but_build_and_check_is_answered_with_the_usage() -> None:
    done = _contracts("publish", REPOSITORY)

    assert (done.returncode, done.stdout) == (2, "usage: python -m contracts build|check\n")


def _contracts(action: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "contracts", action], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _describe(path: Path, field: str) -> None:
    schema = json.loads(path.read_text())
    schema["properties"][field]["description"] = "not what the model says"
    path.write_text(json.dumps(schema))
