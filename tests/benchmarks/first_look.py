"""How soon an hour-long recording is seen, in every codec: `python -m tests.benchmarks.first_look [suffix …]`.

The real services over real servers, one recording after the other; analysis works on the same recording meanwhile.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.servers import running_servers
from tests.benchmarks.lengthened import lengthened
from tests.system import System, running_system

DURATION_S, RATE_HZ = 3600, 44_100
SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3", "m4a")
LIMITS = {"DAWNCHORUS_MAX_UPLOAD_BYTES": "1000000000"}
HEADER = f"{'codec':6} {'MB':>5} {'first look s':>13} {'fetch s':>8} {'images s':>9}"


def main(suffixes: tuple[str, ...]) -> None:
    """Print a line per codec; times count from the start of the job."""
    with TemporaryDirectory(prefix="dawnchorus-bench-") as name:
        folder = Path(name)
        (folder / "servers").mkdir()
        (folder / "system").mkdir()
        with (
            running_servers(folder / "servers") as servers,
            running_system(folder / "system", servers, LIMITS) as system,
        ):
            _say(HEADER)
            for suffix in suffixes:
                _say(_line(system, folder / f"hour.{suffix}"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(system: System, path: Path) -> str:
    lengthened(path, DURATION_S, RATE_HZ)
    found = system.ended(system.upload(path).json()["id"], within_s=600)
    spent_s = found["spectrogram"]["timings_s"]
    images_s = sum(spent_s[stage] for stage in ("fetch", "compute", "store") if stage in spent_s)
    size_mb = path.stat().st_size / 1e6
    path.unlink()
    return (
        f"{path.suffix:6} {size_mb:5.0f} {spent_s['first_look']:13.3f} {spent_s.get('fetch', 0):8.3f} {images_s:9.3f}"
    )


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or SUFFIXES)
