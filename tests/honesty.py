"""What every extractor says of recordings that do not hold what it looks for; writes docs/honesty.md.

    python -m tests.honesty

It needs what `make check` installs for extractors that are off by default. A cell is a value, or the reason why there
is none. Of statistics it is the mean, of lists how many values there are. A test holds the page's reasons to the code;
values have three digits and are for reading.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from services.analysis.extractors import EXTRACTORS, OPT_IN
from tests.audio import REPOSITORY
from tests.unit.analysis.signals import RATE_HZ, Floats, clicks, harmonic_tone, noise, payload, sine

PAGE = REPOSITORY / "docs" / "honesty.md"
SECONDS = 10 * RATE_HZ
INPUTS: dict[str, Floats] = {
    "digital silence": np.zeros(SECONDS, dtype=np.float32),
    "noise below -70 dBFS": noise(duration_s=10, deviation=1e-4),
    "a constant": np.full(SECONDS, 0.5, dtype=np.float32),
    "one sample": np.array([0.5], dtype=np.float32),
    "five samples": np.array([0.5, -0.5, 0.25, 0, 1], dtype=np.float32),
    "140 ms of noise": noise(duration_s=0.14),
    "white noise": noise(duration_s=10),
    "a full-scale square wave": np.where(np.arange(SECONDS) // 50 % 2, 1, -1).astype(np.float32),
    "a tone": sine(440, duration_s=10),
    "clicks": clicks(np.arange(0.1, 9.9, 0.5), duration_s=10),
    "a harmonic tone": harmonic_tone(220, duration_s=10),
}
HEAD = """# What is said when there is nothing to say

Every extractor, on recordings that do not hold what it looks for, ten seconds each where no length is given: a value,
or the reason why there is none. Of statistics the mean is shown, of lists how many values there are.
`python -m tests.honesty` writes this page, and [test_honesty.py](../tests/unit/analysis/test_honesty.py) holds its
reasons to the code. The reasons are explained with [each family](analysis.md#what-is-measured).
"""


def stated(name: str) -> dict[str, list[str]]:
    """Return, for each measure of an extractor, its cell for each of the inputs."""
    columns = [dict(_cells(payload(name, samples))) for samples in INPUTS.values()]
    return {measure: [column.get(measure, "–") for column in columns] for column in columns for measure in column}


def _cells(payload: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, entry in payload.items():
        if isinstance(entry, dict) and "reason" in entry:
            yield f"{above}{key}", _cell(entry)
        elif isinstance(entry, dict):
            yield from _cells(entry, f"{above}{key}.")


def _cell(measure: dict[str, Any]) -> str:
    if measure["reason"] is not None:
        return f"`{measure['reason']}`"
    if "values" in measure:
        return _several(measure["values"])
    number: Any = measure.get("value", measure.get("mean"))
    if isinstance(number, str):
        return number
    if isinstance(number, list):
        return _several(number)
    # What rounding leaves of nothing differs from machine to machine.
    return f"{number if abs(number) > 1e-12 else 0:.3g} {measure['unit']}"


def _several(values: list[Any]) -> str:
    return f"{len(values)} value{'' if len(values) == 1 else 's'}"


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for name in EXTRACTORS | OPT_IN:
        lines += [f"## {name}", "", _line(["measure", *INPUTS]), _line(["---"] * (1 + len(INPUTS)))]
        lines += [_line([f"`{measure}`", *cells]) for measure, cells in stated(name).items()]
        lines.append("")
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
