"""Fuzz what takes bytes from strangers, each target for some time; what is found is printed, with its bytes.

python -m tests.fuzzing.parsers --seconds 60 --seed 20 --only envelope
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.audio import REPOSITORY
from tests.unit.audio.measured import meter

from .rounds import Finding, decoded, numbers_for, parsed
from .targets import TARGETS

_SEED_MAX = 2**32


def main() -> int:
    """Return 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.parsers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(_SEED_MAX), help="else one by chance")
    parser.add_argument("--only", help="one target: decode, " + ", ".join(TARGETS))
    parser.add_argument("--guided", action="store_true", help="parsers a second time, guided by Atheris")
    asked = parser.parse_args()
    sys.stdout.write(f"seed {asked.seed}\n")
    found = 0
    for name in [asked.only] if asked.only else [*TARGETS, "decode"]:
        findings = list(_findings(name, asked.seconds, asked.seed))
        sys.stdout.writelines(f"{finding}\n" for finding in findings)
        sys.stdout.write(f"{name}: {len(findings)} findings\n")
        found += len(findings)
        if asked.guided and name in TARGETS:
            found += _guided(name, asked.seconds)
    return int(found > 0)


def _guided(name: str, seconds: float) -> bool:
    """Return whether a process that is instrumented found something; it prints what, and leaves the bytes in build."""
    REPOSITORY.joinpath("build").mkdir(exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzzing.guided", name, f"{seconds:.0f}"]
    ran = subprocess.run(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(ran.stderr if ran.returncode else f"{name}, guided: 0 findings\n")
    return ran.returncode != 0


def _findings(name: str, seconds: float, seed: int) -> Iterator[Finding]:
    numbers = numbers_for(seconds, seed)
    if name in TARGETS:
        yield from parsed(TARGETS[name], numbers)
        return
    with meter() as measuring, tempfile.TemporaryDirectory(prefix="dawnchorus-fuzz-") as folder:
        yield from decoded(measuring, Path(folder), numbers)


if __name__ == "__main__":
    sys.exit(main())
