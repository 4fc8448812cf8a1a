import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from deploy.local.services import NAMES
from deploy.local.state import StateFolder
from tests.audio import REPOSITORY
from tests.image.building import DOCKERFILE, Image, PlaceInCommandError, borrowing, build, running
from tests.image.context import ignore_patterns, is_ignored
from tests.image.dockerfile import UnknownStepError, read_dockerfile
from tests.image.running import ImageService

NEVER_IN_AN_IMAGE = (".env", ".git/config", ".local/secrets/s3", ".venv/bin/python", "tests/system.py", "docs/live.md")
OURS = {"contracts", "chassis", "audio", "services"}
LOADED = "import sys, services.{service}.app; print(*{{name.partition('.')[0] for name in sys.modules}})"


@pytest.fixture(scope="module", params=NAMES)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the Dockerfile copies for one service, with the packages of the development environment."""
    return build(tmp_path_factory.mktemp("image") / request.param, request.param, borrowing)


def test_a_linter_finds_nothing_wrong_with_the_dockerfile() -> None:
    heard = subprocess.run([Path(sys.executable).with_name("hadolint"), DOCKERFILE], capture_output=True, text=True)

    assert (heard.returncode, heard.stdout + heard.stderr) == (0, "")


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python\nRUN pip install numpy\n")

    heard = subprocess.run([Path(sys.executable).with_name("hadolint"), careless], capture_output=True, text=True)

    assert {"DL3006", "DL3013", "DL3042"} <= set(re.findall(r"DL\d+", heard.stdout))


def test_an_image_is_built_on_a_version_and_not_on_the_newest() -> None:
    base = read_dockerfile(DOCKERFILE).arguments["BASE"]

    assert re.fullmatch(r"python:3\.11-slim-\w+(@sha256:[0-9a-f]{64})?", base)


def test_packages_are_installed_before_our_code_is_copied_so_that_a_change_of_code_installs_nothing() -> None:
    stages = {stage.name: stage for stage in read_dockerfile(DOCKERFILE).stages}

    copied = [step.text for step in stages["packages"].steps if step.word == "COPY"]
    assert copied == ["requirements/${REQUIREMENTS}.txt requirements.txt"]
    assert stages["service"].base != "packages"


def test_an_image_holds_the_shared_packages_and_one_service(image: Image) -> None:
    top = {path.name for path in image.place("/app").iterdir()}
    services = {path.name for path in image.place("/app/services").iterdir()}

    assert top == OURS | {"start.sh"}
    assert services == {"__init__.py", image.variables()["SERVICE"]}


def test_an_image_is_not_run_by_root(image: Image) -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", image.user)


def test_a_service_finds_all_it_imports_among_what_was_copied_and_its_lock_file_names_the_packages(
    image: Image,
) -> None:
    service = image.variables()["SERVICE"]
    locked = set(
        re.findall(r"^([\w.-]+)==", (REPOSITORY / "requirements" / f"{service}.txt").read_text(), re.MULTILINE)
    )

    loaded = set(_python(image, LOADED.format(service=service)).split())

    # Packages load others where they find them, and the development environment has more of them.
    ours = loaded & _imported(image.place("/app"))
    found = {module: _distributions()[module] for module in ours & _distributions().keys() - OURS}
    assert {module for module, names in found.items() if not names & locked} == set()
    assert {"faststream", "motor", "structlog"} <= found.keys()


def test_another_service_cannot_be_imported(image: Image) -> None:
    others = [name for name in NAMES if name != image.variables()["SERVICE"]]

    for other in others:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            _python(image, f"import services.{other}")
        assert f"No module named 'services.{other}'" in refused.value.stderr


@pytest.mark.parametrize("path", NEVER_IN_AN_IMAGE)
def test_nothing_private_reaches_a_build(path: str) -> None:
    assert is_ignored(path, ignore_patterns())


def test_what_is_copied_reaches_a_build() -> None:
    assert not is_ignored("services/gateway/app.py", ignore_patterns())
    assert is_ignored("services/gateway/__pycache__/app.cpython-311.pyc", ignore_patterns())


def test_a_step_that_cannot_be_followed_is_an_error(tmp_path: Path) -> None:
    other = tmp_path / "Dockerfile"
    other.write_text("FROM python:3.11 AS only\nADD https://example.org/x x\n")

    with pytest.raises(UnknownStepError, match="ADD"):
        read_dockerfile(other)


def test_a_command_that_would_change_this_machine_is_not_run(tmp_path: Path) -> None:
    image = Image(tmp_path, arguments={}, environment={"VENV": "/opt/venv"})

    with pytest.raises(PlaceInCommandError, match="rm -rf /etc"):
        running(Path(sys.executable))("rm -rf /etc", image)


@pytest.mark.servers
def test_a_service_starts_from_its_image_and_its_health_check_says_so(tmp_path: Path, servers: Servers) -> None:
    image = build(tmp_path / "built", "gateway", borrowing)
    settings = {**servers.environment(), "DAWNCHORUS_INTERNAL_TOKEN": "between-the-services"}
    service = ImageService("gateway", StateFolder(tmp_path / "state"), next(free_ports()), settings, image)
    assert not service.is_healthy()

    service.start()
    try:
        service.wait_until_ready()

        assert service.is_healthy()
        assert service.run("keys", "create", "--name", "image").startswith("dc_")
    finally:
        service.stop()


def _python(image: Image, code: str) -> str:
    environment = {**image.variables(), "NUMBA_DISABLE_JIT": "1"}
    command = [f"{environment['VENV']}/bin/python", "-c", code]
    ran = subprocess.run(command, cwd=image.place("."), env=environment, capture_output=True, text=True, check=True)
    return ran.stdout


def _imported(folder: Path) -> set[str]:
    """Return the modules, at their top level, that our code imports."""
    nodes = [node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in names}


@cache
def _distributions() -> dict[str, set[str]]:
    """Return which packages, by the names that lock files have, bring a module."""
    return {
        module: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        for module, names in packages_distributions().items()
    }
