"""Fuzz the interface of a whole stack, made for it; what is given here goes to Schemathesis. Writes build/fuzz.

python -m tests.fuzzing --max-examples 100
"""

import shutil
import sys
import tempfile
from pathlib import Path

from deploy.local.servers import running_servers
from tests.audio import REPOSITORY
from tests.benchmarks.figures import say
from tests.system import running_system

from .running import REPORT, SETTINGS, fuzz

TARGET = REPOSITORY / "build" / "fuzz"


def main() -> int:
    """Start the stack, fuzz it, stop it; return Schemathesis's status."""
    with tempfile.TemporaryDirectory(prefix="dawnchorus-fuzz-") as scratch:
        folder = Path(scratch)
        with (
            running_servers(folder / "servers") as servers,
            running_system(folder / "system", servers, SETTINGS) as system,
        ):
            fuzzed = fuzz(system, folder, *sys.argv[1:])
        TARGET.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / REPORT, TARGET)
        shutil.copytree(folder / "system" / "logs", TARGET / "logs", dirs_exist_ok=True)
    say(fuzzed.output)
    say(f"Written: {TARGET.relative_to(REPOSITORY)}")
    return fuzzed.status


if __name__ == "__main__":
    sys.exit(main())
