import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.errors import ScratchFullError, says_full
from chassis.scratch import PREFIX, scratch_folder, scratch_root, sweep_scratch
from tests.audio import REPOSITORY

LONG_AGO = time.time() - 3600
HOLDER = """
import time
from chassis.scratch import scratch_root
with scratch_root() as root:
    print(root, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_stays() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert holder.stdout is not None
    root = Path(holder.stdout.readline().strip())
    (root / "dawnchorus-attempt").mkdir()
    os.utime(root, (LONG_AGO, LONG_AGO))

    living = sweep_scratch(), root.exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    os.utime(root, (LONG_AGO, LONG_AGO))

    assert living == (0, True)
    assert (sweep_scratch(), root.exists()) == (1, False)


def test_what_has_just_been_made_and_what_is_not_ours_stays(elsewhere: Path) -> None:
    young, others = elsewhere / f"{PREFIX}young", elsewhere / "dawnchorus-vectors-1"
    for folder in (young, others):
        folder.mkdir()
    os.utime(others, (LONG_AGO, LONG_AGO))

    assert sweep_scratch() == 0
    assert young.exists()
    assert others.exists()


def test_the_folder_of_a_process_goes_with_it() -> None:
    with scratch_root() as root, scratch_folder(root) as attempt:
        assert attempt.parent == root

    assert not root.exists()


def test_a_full_disk_says_so_and_leaves_nothing_behind() -> None:
    with scratch_root() as root:
        with pytest.raises(ScratchFullError):
            _fill(root)

        assert [each.name for each in root.iterdir()] == ["lock"]


def test_another_error_of_a_file_is_what_it_was() -> None:
    with pytest.raises(FileNotFoundError), scratch_folder(None) as folder:
        (folder / "not-there").read_bytes()


def _fill(root: Path) -> None:
    with scratch_folder(root) as folder:
        (folder / "half-written").write_bytes(b"half")
        Path("/dev/full").write_bytes(b"the other half")


@pytest.mark.parametrize("said", ["ArrowError: No space left on device", "[Errno 122] Disk quota exceeded"])
def test_a_library_may_say_it_in_words(said: str) -> None:
    assert says_full(OSError(said))
