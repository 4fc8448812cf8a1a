"""Run the local stack: `python -m deploy.local up|down|status|logs|demo`."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from .demo import chosen_recordings, run_demo
from .errors import LocalStackError
from .layout import Layout, layout_from
from .logs import print_logs
from .services import ROOT
from .stack import running_stack, stop_stack
from .state import StateFolder
from .status import print_status

INTERRUPTED = 130
TERMINATED = 143


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit code."""
    asked = _parser().parse_args(arguments)
    # Without this, SIGTERM would end this command and leave behind what it started.
    signal.signal(signal.SIGTERM, _leave)
    try:
        return _run(asked, layout_from(os.environ, StateFolder(ROOT / ".local")))
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what does not run yet")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="show what runs")
    commands.add_parser("logs", help="show logs").add_argument("names", nargs="*", help="parts; default: the services")
    demo = commands.add_parser("demo", help="upload recordings, watch them, save their images")
    demo.add_argument("recordings", nargs="*", type=Path, help="default: the variable FILE, else a synthesized chorus")
    demo.add_argument("--output", type=Path, default=Path("demo-output"), help="where images are saved")
    return parser


def _run(asked: argparse.Namespace, layout: Layout) -> int:
    match asked.command:
        case "up":
            _bring_up(layout)
        case "down":
            stop_stack(layout)
        case "status":
            print_status(layout)
        case "logs":
            print_logs(layout, asked.names)
        case _:
            return _demo(layout, asked.recordings or recordings_in(os.environ.get("FILE", "")), asked.output)
    return 0


def _bring_up(layout: Layout) -> None:
    with running_stack(layout) as (access, stopping):
        stopping.pop_all()
    print(f"\nDawnchorus answers at {access.url}\nAPI key: {access.api_key}\nIn a shell: . {layout.env_file}")


def _demo(layout: Layout, recordings: Sequence[Path], output: Path) -> int:
    keep = bool(os.environ.get("KEEP"))
    chosen = chosen_recordings(recordings, output)
    with running_stack(layout) as (access, stopping):
        # A second Ctrl-C would interrupt the stopping and leave servers behind.
        stopping.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
        if keep:
            stopping.pop_all()
            print(f"The stack stays up (`make down` stops it); in a shell: . {layout.env_file}")
        return run_demo(access, chosen, output)


def recordings_in(words: str) -> list[Path]:
    """Return the paths in `FILE`: one name that exists, blanks and all, or several as a shell splits them."""
    if words and Path(words).exists():
        return [Path(words)]
    return [Path(word).expanduser() for word in shlex.split(words)]


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
