"""Follow the Dockerfile for every service, start the four over real servers, send recordings through.

    python -m tests.image [--python /usr/bin/python3] [--folder build/images]

Prints a table and writes build/bench/image.json. Ends with 1 where something of an image is not as it must be. With
`--folder` what was built stays there, and is not built again the next time.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.servers import running_servers
from deploy.local.services import NAMES
from tests.audio import REPOSITORY
from tests.benchmarks.lengthened import lengthened
from tests.system import System, running_system

from .building import Image, build, running
from .looking import compiled, memories_mb, missing_libraries, size_mb, watched, writable
from .running import ImageService, imports, is_roots_alone, services_of

REPORT = REPOSITORY / "build" / "bench" / "image.json"
# Each is another recording.
_DURATIONS_S = (10, 60, 600, 61, 11, 62)
_WITHIN_S = 1800.0
_NOT_IN_AN_IMAGE = ("tests", "deploy", "client")


@dataclass(frozen=True)
class Figures:
    """What was found of one service's image.

    wrong   what is not as it must be: nothing
    """

    service: str
    venv_mb: float
    code_mb: float
    ready_s: float
    rest_mb: float
    peak_mb: float
    wrong: list[str]


def main() -> int:
    """Build, look, start, load; print the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--python", type=Path, default=Path("/usr/bin/python3"), help="the base image's interpreter")
    asked.add_argument("--folder", type=Path, help="where what is built stays; all who run services must reach it")
    options = asked.parse_args()
    if os.geteuid() == 0 and is_roots_alone(options.python):
        asked.error(f"{options.python} is root's alone, and no service runs as root")
    with tempfile.TemporaryDirectory(prefix="dawnchorus-image-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        images = {name: _built((options.folder or folder) / name, name, options.python) for name in NAMES}
        figures = _started(folder, images)
    _report(figures)
    return 1 if any(each.wrong for each in figures) else 0


def _built(folder: Path, name: str, python: Path) -> Image:
    kept = folder / "image.json"
    if not kept.exists():
        image = build(folder, name, running(python))
        shutil.rmtree(folder / "packages")
        kept.write_text(json.dumps(asdict(image), default=str))
    found = json.loads(kept.read_text())
    return Image(**{**found, "root": Path(found["root"])})


def _wrong(image: Image, name: str) -> list[str]:
    foreign = [f"services.{other}" for other in NAMES if other != name]
    return [
        *(f"imports {module}" for module in (*foreign, *_NOT_IN_AN_IMAGE) if imports(image, module)),
        *(f"needs {library}" for library in missing_libraries(image)),
        *(f"may write {path}" for path in writable(image)),
    ]


def _started(folder: Path, images: Mapping[str, Image]) -> list[Figures]:
    """Start all four, then one after the other anew, then send recordings through."""
    wrong = {name: list(_wrong(image, name)) for name, image in images.items()}
    with (
        running_servers(folder / "servers") as servers,
        running_system(folder, servers, {}, services_of(dict(images))) as system,
    ):
        ready = {}
        for name in NAMES:
            wrong[name] += _wrong_running(system, name)
            ready[name] = _restarted_s(system, name)
        rest, peak = _loaded(system, folder)
    for name, image in images.items():
        own = image.variables()
        if compiled(Path(own["NUMBA_CACHE_DIR"])) != compiled(Path(own["COMPILED"])):
            wrong[name].append("compiled something after its start")
    return [
        Figures(
            service=name,
            venv_mb=size_mb(image.place("/opt/venv")),
            code_mb=size_mb(image.place("/app"), image.place("/opt/compiled")),
            wrong=wrong[name],
            ready_s=ready[name],
            rest_mb=rest[name],
            peak_mb=peak[name],
        )
        for name, image in images.items()
    ]


def _wrong_running(system: System, name: str) -> list[str]:
    service = _service(system, name)
    wrong = [] if service.is_healthy() else ["its health check says no"]
    if name == "gateway" and not service.run("keys", "create", "--name", "image").startswith("dc_"):
        wrong.append("its command line made no key")
    return wrong


def _restarted_s(system: System, name: str) -> float:
    """Return how long the service takes until it is ready, with the others standing by."""
    service = _service(system, name)
    service.stop()
    started_s = time.monotonic()
    service.start()
    service.wait_until_ready()
    return time.monotonic() - started_s


def _loaded(system: System, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the memory of each service at rest, and its peak while recordings go through."""
    sessions = {name: service.process.pid or 0 for name, service in system.services.items()}
    rest = memories_mb(sessions)
    with watched(sessions) as peaks:
        ids = []
        for number, duration_s in enumerate(_DURATIONS_S):
            recording = folder / f"{number}.flac"
            lengthened(recording, duration_s, 44_100)
            ids.append(system.upload(recording).json()["id"])
        ended = [system.ended(each, within_s=_WITHIN_S)["status"] for each in ids]
        if set(ended) != {"completed"}:
            raise SystemExit(f"Not every recording was completed: {ended}")
        return rest, peaks()


def _service(system: System, name: str) -> ImageService:
    service = system.services[name]
    assert isinstance(service, ImageService)
    return service


def _report(figures: list[Figures]) -> None:
    sys.stdout.write("| service | packages MB | code MB | ready s | at rest MB | highest MB | wrong |\n")
    sys.stdout.write("|---|---:|---:|---:|---:|---:|---|\n")
    for each in figures:
        sizes = f"{each.venv_mb:.0f} | {each.code_mb:.1f} | {each.ready_s:.1f}"
        memory = f"{each.rest_mb:.0f} | {each.peak_mb:.0f}"
        sys.stdout.write(f"| {each.service} | {sizes} | {memory} | {'; '.join(each.wrong) or 'nothing'} |\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([asdict(each) for each in figures], indent=1))


if __name__ == "__main__":
    sys.exit(main())
