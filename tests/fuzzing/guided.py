"""Fuzz one parser guided by the branches that its inputs take, by Atheris; ends with an exception where it finds one.

python -m tests.fuzzing.guided envelope 60
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["audio", "contracts", "services.gateway"]):
    from .targets import TARGETS

_LENGTH_BYTES_MAX = 30_000


def main(name: str, seconds: str) -> None:
    """Fuzz for so long; the process ends here."""
    target = TARGETS[name]

    def take(content: bytes) -> None:
        try:
            target.take(content)
        except target.expected:
            return

    with tempfile.TemporaryDirectory(prefix="dawnchorus-fuzz-") as folder:
        for number, seed in enumerate(target.seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        limits = (f"-max_total_time={seconds}", f"-max_len={_LENGTH_BYTES_MAX}", "-print_final_stats=1")
        atheris.Setup([sys.argv[0], *limits, "-artifact_prefix=build/", folder], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
