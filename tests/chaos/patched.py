"""Run a service with changes that tests make to it: `python -m tests.chaos.patched clock=600 services.ingest`.

A change is a name of `CHANGES`, with a value behind `=` where it takes one. Nothing in the services knows of them.
"""

import importlib
import runpy
import sys
from collections.abc import Mapping

# By name, because the children of a service import this module, too, and have no use for what the changes need.
CHANGES: Mapping[str, tuple[str, str]] = {
    "clock": ("clocks", "shift"),
    "crash": ("crashing", "crash_at_armed_points"),
    "outbox": ("sabotage", "publish_without_an_outbox"),
    "fence": ("sabotage", "finish_without_a_fence"),
    "confirm": ("sabotage", "publish_without_confirms"),
    "linger": ("sabotage", "linger_before_storing"),
}


def main(arguments: list[str]) -> None:
    """Make the changes, then run the service as if it had been run itself."""
    *changes, service = arguments
    sys.argv = [service]
    for change in changes:
        name, _, value = change.partition("=")
        module, function = CHANGES[name]
        getattr(importlib.import_module(f"tests.chaos.{module}"), function)(value)
    runpy.run_module(service, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
