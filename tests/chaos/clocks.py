"""A service whose clock is wrong: its own code is told another time, its servers are not."""

import datetime as real
import importlib
import sys
import time
from typing import Any

OURS = ("contracts", "chassis", "audio", "services")


def shift(value: str) -> None:
    """Have everything that the services' own code asks for the time be told `value` seconds more."""
    by = real.timedelta(seconds=int(value))
    for name in ("ingest", "spectrogram", "analysis", "gateway"):
        if name in sys.argv[-1]:
            importlib.import_module(f"services.{name}.app")
    shifted = _shifted(by)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OURS and getattr(module, "datetime", None) is real.datetime:
            module.datetime = shifted  # type: ignore[attr-defined]
    tell = time.time
    time.time = lambda: tell() + by.total_seconds()


def _shifted(by: real.timedelta) -> type[real.datetime]:
    class Kind(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, real.datetime)

    class Shifted(real.datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> real.datetime:
            return real.datetime.now(tz) + by

    return Shifted
