import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.audio import REPOSITORY

PACKAGES = ("contracts", "chassis", "audio", "services", "deploy", "client")
SERVICES = ("ingest", "spectrogram", "analysis", "gateway")
# The edges of a worker: everything else in it computes and knows of nothing around it.
EDGES = {
    "app",
    "catalogue",
    "gpu_search",
    "handlers",
    "isolation",
    "routes",
    "drawing",
    "preparing",
    "preview",
    "schedule",
    "reader_slots",
    "work",
    "settings",
    "job",
    "__main__",
}
WORLD = {
    *("asyncio", "faststream", "aio_pika", "motor", "pymongo", "aioboto3", "aiobotocore", "botocore"),
    *("httpx", "litestar", "structlog", "opentelemetry"),
}
VAGUE = {"manager", "managers", "helper", "helpers", "util", "utils", "common", "misc", "base", "data", "process"}
# PyAV costs every new child 0.14 s, and most containers never need it. PyTorch costs seconds, and it and the models of
# opt-in extractors are not installed everywhere.
IMPORTS_LATE = {
    "audio/decode.py",
    "services/analysis/gpu.py",
    "services/analysis/neural_pitch.py",
    "services/analysis/speech_probability.py",
}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_knows_the_contracts_the_chassis_and_audio_but_no_other_service(service: str) -> None:
    for path in _sources("services", service):
        services = {name for name in _imported(path) if name.startswith("services")}

        assert _ours(path) <= {"contracts", "chassis", "audio", "services"}, _name(path)
        # A package within a service names its service, where the house forbids a relative import of a parent.
        assert all(f"{name}.".startswith(f"services.{service}.") for name in services), _name(path)


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("contracts", {"contracts"}),
        ("chassis", {"chassis", "contracts"}),
        ("audio", {"audio", "chassis"}),
    ],
)
def test_a_shared_package_knows_only_what_is_below_it(package: str, allowed: set[str]) -> None:
    for path in _sources(package):
        assert _ours(path) <= allowed, _name(path)


def test_the_client_knows_nothing_but_the_public_interface() -> None:
    assert _where(lambda path: not _ours(path) <= {"client"}, _sources("client")) == []


def test_what_computes_knows_neither_broker_nor_storage_nor_event_loop() -> None:
    assert _where(lambda path: bool(_top_level(path) & WORLD), _pure_modules()) == []


def test_what_computes_takes_nothing_from_the_chassis_but_its_errors_and_its_compiler() -> None:
    allowed = {"chassis.errors", "chassis.compiled"}

    assert _where(lambda path: not _of_chassis(path) <= allowed, _pure_modules()) == []


def test_one_file_names_the_driver_of_mongodb() -> None:
    drivers = {"motor", "pymongo"}

    assert _where(lambda path: bool(drivers & _top_level(path)), _application()) == ["chassis/documents.py"]


def test_one_file_names_the_client_of_s3() -> None:
    clients = {"aioboto3", "aiobotocore", "botocore"}

    assert _where(lambda path: bool(clients & _top_level(path)), _application()) == ["chassis/s3.py"]


def test_only_the_chassis_starts_child_processes() -> None:
    starters = {"multiprocessing", "subprocess"}

    places = ["chassis/child.py", "chassis/children.py"]
    assert _where(lambda path: bool(starters & _top_level(path)), _application()) == places


@pytest.mark.parametrize("service", ["spectrogram", "analysis"])
def test_a_child_that_computes_loads_no_client_of_broker_or_storage(service: str) -> None:
    names = f"import sys, services.{service}.job; print(*sys.modules)"

    heard = subprocess.run([sys.executable, "-c", names], cwd=REPOSITORY, check=True, capture_output=True, text=True)

    assert {name.split(".")[0] for name in heard.stdout.split()} & (WORLD - {"asyncio"}) == set()


def test_every_service_has_the_same_anatomy() -> None:
    for service in SERVICES:
        names = {path.name for path in Path(REPOSITORY, "services", service).iterdir()}

        assert {"__main__.py", "app.py", "settings.py"} <= names, service


def test_a_file_fits_in_a_head() -> None:
    assert _where(lambda path: len(path.read_text().splitlines()) > MAX_FILE_LINES) == []


def test_a_function_fits_on_a_screen() -> None:
    assert _where(lambda path: any(_lines(function) > MAX_FUNCTION_LINES for function in _functions(path))) == []


def test_a_module_is_named_for_what_it_does() -> None:
    assert _where(lambda path: path.stem in VAGUE) == []


def test_a_module_says_what_it_is_for() -> None:
    # A package that holds nothing but packages has nothing to say.
    assert _where(lambda path: bool(path.read_text()) and not ast.get_docstring(_tree(path))) == []


def test_only_command_lines_print() -> None:
    command_lines = {REPOSITORY / "contracts/__main__.py", REPOSITORY / "services/gateway/__main__.py"}
    libraries = [path for path in _application() if path not in command_lines]

    assert _where(lambda path: bool(_calls(path, "print")), libraries) == []


def test_everything_but_what_is_rare_and_heavy_is_imported_at_the_top() -> None:
    assert set(_where(_imports_late)) <= IMPORTS_LATE


def test_the_rules_see_a_forbidden_import(tmp_path: Path) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text("import pymongo.errors\nfrom services.gateway.live import LiveHub\nfrom . import near\n")

    assert _top_level(offender) == {"pymongo", "services"}
    assert _ours(offender) == {"services"}


def _sources(*parts: str) -> list[Path]:
    return sorted(Path(REPOSITORY, *parts).rglob("*.py"))


def _application() -> list[Path]:
    return [path for package in ("contracts", "chassis", "audio", "services") for path in _sources(package)]


def _pure_modules() -> list[Path]:
    workers = [*_sources("services", "spectrogram"), *_sources("services", "analysis")]
    return [path for path in workers if path.stem not in EDGES] + _sources("audio")


def _where(breaks_the_rule: Callable[[Path], bool], paths: Iterable[Path] | None = None) -> list[str]:
    everything = [*_application(), *_sources("deploy"), *_sources("client")]
    return [_name(path) for path in (everything if paths is None else paths) if breaks_the_rule(path)]


def _name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def _ours(path: Path) -> set[str]:
    return _top_level(path) & {*PACKAGES, "tests"}


def _of_chassis(path: Path) -> set[str]:
    return {name for name in _imported(path) if name.startswith("chassis")}


def _top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in _imported(path)}


def _imports_late(path: Path) -> bool:
    inside = (node for function in _functions(path) for node in ast.walk(function))
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in inside)


@cache
def _imported(path: Path) -> frozenset[str]:
    return frozenset(_absolute_imports(ast.walk(_tree(path))))


def _absolute_imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)


def _calls(path: Path, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]


def _functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, Function)]


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
