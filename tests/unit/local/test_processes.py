import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import NotReadyError
from deploy.local.processes import Background, telling_line
from deploy.local.procfs import read_stat
from deploy.local.state import StateFolder
from deploy.local.waiting import wait_until

WITH_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import signal; signal.pause()'])"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
WAITING = "import signal; print('up', flush=True); signal.pause()"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Background]:
    process = Background("example", StateFolder(tmp_path))
    yield process
    process.kill()


def test_a_started_process_is_found_again_by_its_record(process: Background) -> None:
    _start(process, WAITING)

    found = Background(process.name, process.state)

    assert found.is_running()
    assert found.pid == process.pid


def test_a_second_start_changes_nothing(process: Background) -> None:
    _start(process, WAITING)
    first = process.pid

    _start(process, WAITING)

    assert process.pid == first


def test_a_pid_that_another_process_has_now_is_neither_alive_nor_killed(process: Background) -> None:
    stat = read_stat(os.getpid())
    assert stat is not None
    record = {"pid": os.getpid(), "started_ticks": stat.started_ticks - 1, "log_offset": 0}
    process.state.record(process.name).write_text(json.dumps(record))

    assert not process.is_running()
    process.stop()  # would end this test run


def test_stopping_ends_the_children_too(process: Background) -> None:
    _start(process, WITH_A_CHILD)
    leader = process.pid
    assert leader is not None
    assert wait_until(lambda: len(_session(leader)) == 2, timeout_s=10)

    process.stop(timeout_s=0.2)

    assert _session(leader) == []


def test_a_process_that_ignores_the_request_to_end_is_killed(process: Background) -> None:
    _start(process, DEAF)
    assert wait_until(lambda: process.last_line() == "deaf", timeout_s=10)

    process.stop(timeout_s=0.2)

    assert not process.is_running()


def test_a_process_that_dies_at_once_is_reported_with_the_last_line_of_its_log(process: Background) -> None:
    _start(process, "print('older line'); raise SystemExit('no such setting')")

    with pytest.raises(NotReadyError) as failure:
        process.wait_until(lambda: False, timeout_s=10)

    assert str(process.log) in str(failure.value)
    assert str(failure.value).endswith("ends with: no such setting")


def test_the_last_line_is_of_this_run_not_of_an_earlier_one(process: Background) -> None:
    process.log.write_text("an old complaint\n")
    _start(process, "import signal; signal.pause()")

    assert process.last_line() == ""


def test_the_exception_in_a_structured_log_tells_more_than_the_goodbye_after_it() -> None:
    crash = json.dumps({"event": "startup_failed", "exception": "Traceback …\nPermissionError: no semaphore"})

    assert telling_line(f'{crash}\n{{"event": "Exiting."}}\n') == "PermissionError: no semaphore"
    assert telling_line("first\nlast\n\n") == "last"
    assert telling_line("") == ""


def test_a_crashed_process_does_not_count_as_running(process: Background) -> None:
    _start(process, WAITING)
    pid = process.pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    assert wait_until(lambda: not process.is_running(), timeout_s=10)


def _start(process: Background, program: str) -> None:
    process.start([sys.executable, "-c", program], os.environ)


def _session(leader: int) -> list[int]:
    stats = (read_stat(int(folder.name)) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [stat.pid for stat in stats if stat is not None and stat.session == leader and not stat.is_dead]
