"""Start and stop the parts of the stack together."""

import fcntl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from .access import Access, open_access
from .errors import PortTakenError
from .layout import PORT_BASE_VARIABLE, PORT_VARIABLE, Layout, Part
from .ports import is_free


@contextmanager
def running_stack(layout: Layout) -> Iterator[tuple[Access, ExitStack]]:
    """Start what does not run yet; stop just that at the end, unless the caller empties the `ExitStack`."""
    with ExitStack() as stopping:
        with _alone(layout):
            _refuse_taken_ports(part for part in (*layout.embedded(), *layout.services) if not part.is_running())
            _start_missing(layout.embedded(), stopping)
            _start_missing(layout.services, stopping)
            access = open_access(layout)
        yield access, stopping


def stop_stack(layout: Layout) -> None:
    """Stop every part that runs, the last started first."""
    with _alone(layout):
        for part in reversed((*layout.servers, *layout.services)):
            _stop(part)


def _start_missing(parts: Sequence[Part], stopping: ExitStack) -> None:
    missing = [part for part in parts if not part.is_running()]
    started_s = time.monotonic()
    for part in missing:
        stopping.callback(_stop, part)
        part.start()
    for part in missing:
        part.wait_until_ready()
        print(f"{part.name:<12} ready after {time.monotonic() - started_s:4.1f} s")


def _stop(part: Part) -> None:
    if part.is_running():
        print(f"{part.name:<12} stops")
    part.stop()


def _refuse_taken_ports(parts: Iterable[Part]) -> None:
    for part in parts:
        # What is left of a part that runs by half would look like another program.
        part.stop()
        variable = PORT_VARIABLE if part.name == "gateway" else PORT_BASE_VARIABLE
        for port in part.ports:
            if not is_free(port):
                raise PortTakenError(port, part.name, variable)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Hold off a second command on the same stack."""
    with (layout.state.of("run") / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
