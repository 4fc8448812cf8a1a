"""The verdict over a recorder: each fault it may have, and how bad it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """A traffic light."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True)
class Limit:
    """From where on a value is no longer as it should be, and from where on the recording is spoilt, if ever."""

    amber: float
    red: float | None

    def judge(self, value: float) -> Health:
        """Return the colour of a value, the worse the larger."""
        if self.red is not None and value >= self.red:
            return Health.RED
        return Health.AMBER if value >= self.amber else Health.GREEN


LIMITS: Mapping[str, Limit] = {
    # One run of a few samples in ten seconds is heard by nobody.
    "clipping": Limit(amber=1e-5, red=1e-3),
    "dc_offset": Limit(amber=0.01, red=0.1),
    # Low notes of music reach 14 dB.
    "hum": Limit(amber=15.0, red=25.0),
    # Any, and one sample in a thousand.
    "dropouts": Limit(amber=1e-12, red=1e-3),
    "silent": Limit(amber=1.0, red=None),
    "dead_channel": Limit(amber=1.0, red=1.0),
    "inverted_channel": Limit(amber=0.8, red=0.95),
    "cut_off": Limit(amber=0.1, red=None),
}


def verdict(severities: Mapping[str, float]) -> tuple[Health, list[str]]:
    """Return the worst colour of the faults that were looked for, and the names of those that are not green.

    severities  fault of `LIMITS` to value, in its unit; what could not be measured is not there
    """
    colours = {fault: LIMITS[fault].judge(value) for fault, value in severities.items()}
    found = [fault for fault, colour in colours.items() if colour is not Health.GREEN]
    worst = max(colours.values(), key=list(Health).index, default=Health.GREEN)
    return worst, found
