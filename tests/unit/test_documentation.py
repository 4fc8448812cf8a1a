"""What the documents say of the code is so: links, commands, and the tables of settings, codes, metrics and targets."""

import ast
import collections
import json
import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from chassis import metrics
from chassis.settings import ServiceSettings
from services.analysis.extractors import EXTRACTORS, OPT_IN, Extractor, SeriesSource
from services.analysis.settings import AnalysisSettings
from services.gateway.settings import GatewaySettings
from services.ingest.settings import IngestSettings
from services.spectrogram.settings import SpectrogramSettings
from tests.audio import REPOSITORY
from tests.pages import (
    PAGES,
    README,
    Link,
    anchors,
    blocks,
    links,
    marked_block,
    marked_table,
    quoted,
    section,
    table,
)

TELEMETRY = REPOSITORY / "docs" / "telemetry.md"
ANALYSIS = REPOSITORY / "docs" / "analysis.md"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
IMAGE = REPOSITORY / "docs" / "images" / "dawn-chorus.png"
IMAGE_LIMIT_BYTES = 600_000

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "ingest": IngestSettings,
    "spectrogram": SpectrogramSettings,
    "analysis": AnalysisSettings,
}
COMMANDS = {"make", "curl", "grep", "rm", ".", ".venv/bin/python", "docker", "helm", "kubectl"}
ASSIGNMENT = re.compile(r"[A-Z_]+=")
OUR_FOLDERS = r"(?:tests|docs|deploy|services|contracts|chassis|audio|client)/[\w./-]+"


@pytest.mark.parametrize("link", [link for page in PAGES for link in links(page.read_text(), page)], ids=str)
def test_a_link_leads_somewhere(link: Link) -> None:
    assert link.file.exists()
    assert not link.anchor or link.anchor in anchors(link.file)


def test_one_recording_can_be_followed_in_six_steps() -> None:
    steps = re.findall(r"^\d\. .*$", section(README, "Follow one recording"), re.MULTILINE)

    assert len(steps) == 6
    assert all(links(step, README)[0].file.suffix == ".py" for step in steps)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_python_in_a_document_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_command_in_a_document_names_what_exists(page: Path) -> None:
    for block in blocks(page, "sh"):
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)
        for named in re.findall(OUR_FOLDERS, block):
            assert (REPOSITORY / named).exists(), named
        for command in _commands(block):
            _check(command, page)


def test_no_document_names_a_folder_of_one_machine() -> None:
    assert [page.name for page in PAGES if re.search(r"(?<![\w.])/(work|root|home|tmp)/", page.read_text())] == []


def test_the_table_of_targets_is_the_makefiles() -> None:
    documented = [quoted(row[0])[0].removeprefix("make ") for row in marked_table(README, "targets")]

    assert sorted(documented) == sorted(_targets())


def test_the_table_of_settings_is_the_settings() -> None:
    documented = {quoted(row[0])[0]: (_default(row[1]), _services(row[2])) for row in marked_table(README, "settings")}

    assert documented == _settings()


def test_the_table_of_extractors_is_the_registry() -> None:
    documented = [(quoted(row[0])[0], row[1], row[2], quoted(row[3])) for row in marked_table(ANALYSIS, "extractors")]

    registered = [
        (name, each.description, str(each.needs), _series(each)) for name, each in (EXTRACTORS | OPT_IN).items()
    ]
    assert documented == registered


def test_every_code_is_explained() -> None:
    explained = {quoted(row[0])[0] for row in marked_table(README, "codes")}

    assert (_class_codes() | _call_codes()) - explained == set()
    assert explained - _strings_of_code() == set()


def test_a_refused_upload_has_the_status_of_the_table() -> None:
    documented = {quoted(row[0])[0]: row[1] for row in marked_table(README, "codes")}

    statuses = _statuses()
    for code in {*_class_codes("audio"), *statuses} - {"audio"}:
        assert documented[code].split(",")[0] == str(statuses.get(code, 422)), code


def test_the_table_of_metrics_is_the_metrics() -> None:
    documented = {quoted(row[0])[0]: tuple(quoted(row[1])) for row in marked_table(TELEMETRY, "metrics")}

    made = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    assert documented == {_name(metric): tuple(metric._labelnames) for metric in made}


def test_every_log_event_is_explained() -> None:
    explained = {name for row in table(section(TELEMETRY, "Logs")) for name in quoted(row[0])}

    assert explained == _logged()


def test_the_image_of_the_readme_is_what_the_project_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "make_image.py"
    script.write_text(marked_block(CONTRIBUTING, "image"))
    made = tmp_path / IMAGE.relative_to(REPOSITORY)
    made.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    runpy.run_path(str(script))

    shown, rendered = (np.asarray(Image.open(path), dtype=np.int16) for path in (IMAGE, made))
    # Another processor adds floats in another order, so a pixel may be a level off.
    assert np.abs(shown - rendered).max() <= 1
    assert IMAGE.stat().st_size < IMAGE_LIMIT_BYTES


def _commands(block: str) -> Iterator[list[str]]:
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and ASSIGNMENT.match(words[0]):
            words = words[1:]
        if words:
            yield words


def _check(command: list[str], page: Path) -> None:
    program, *words = command
    assert program in COMMANDS, f"{page.name}: teach this test what {program} needs"
    if program == "make":
        assert {word for word in words if not ASSIGNMENT.match(word)} <= _targets()
    elif program == "docker" and words[0] == "compose":
        services = set(yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"])
        assert words[1] in {"up", "down", "ps", "logs"} or (words[1] == "exec" and words[2] in services)
    elif program == ".venv/bin/python" and words[0] == "-m":
        assert (REPOSITORY / words[1].replace(".", "/") / "__main__.py").exists()
    elif program == ".venv/bin/python":
        assert f"Save this as `{words[0]}`" in page.read_text()


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def _settings() -> dict[str, tuple[str, frozenset[str]]]:
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for service, settings in SETTINGS.items():
        for name, field in settings.model_fields.items():
            variable = str(field.validation_alias or f"DAWNCHORUS_{name.upper()}")
            default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            found[variable] = (default, found.get(variable, ("", frozenset()))[1] | {service})
    return found


def _series(extractor: Extractor) -> list[str]:
    accumulator = extractor.accumulator(rate_hz=44_100, channels=1)
    return _in_brief(list(accumulator.series_units)) if isinstance(accumulator, SeriesSource) else []


def _in_brief(names: list[str]) -> list[str]:
    """Return the names; of a numbered run the first and the last."""
    numbered = [re.fullmatch(r"(.+)_(\d+)", name) for name in names]
    counts = collections.Counter(match[1] for match in numbered if match)
    inside = {f"{kind}_{number}" for kind, count in counts.items() for number in range(1, count - 1)}
    return [name for name in names if name not in inside]


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    return json.dumps(default) if isinstance(default, tuple) else str(default)


def _default(cell: str) -> str:
    return quoted(cell)[0] if quoted(cell) else cell.partition(":")[0]


def _services(cell: str) -> frozenset[str]:
    return frozenset(SETTINGS) if cell == "all" else frozenset(cell.split(", "))


def _nodes(*packages: str) -> Iterator[ast.AST]:
    for package in packages or ("audio", "chassis", "services"):
        for path in (REPOSITORY / package).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text()))


def _statuses() -> dict[str, int]:
    """Return the statuses that ingest refuses uploads with, where they are not 422."""
    [statuses] = re.findall(r"^STATUSES = (.+)$", (REPOSITORY / "services/ingest/routes.py").read_text(), re.MULTILINE)
    return dict(ast.literal_eval(statuses))


def _class_codes(*packages: str) -> set[str]:
    """Return the values of the class attributes named `code`."""
    classes = [node for node in _nodes(*packages) if isinstance(node, ast.ClassDef)]
    return {code for node in classes for statement in node.body if (code := _code_set_by(statement))}


def _call_codes() -> set[str]:
    """Return the codes that problems and faults are made with."""
    return {code for node in _nodes() if isinstance(node, ast.Call) and (code := _code_made_by(node))}


def _code_made_by(call: ast.Call) -> str | None:
    match call:
        case ast.Call(func=ast.Name(id="ProblemError"), args=[_, ast.Constant(value=str(code)), *_]):
            return code
        case ast.Call(func=ast.Name(id="unavailable"), args=[ast.Constant(value=str(code))]):
            return code
        case ast.Call(
            func=ast.Name(id="Fault" | "ExtractorFailure"),
            keywords=[ast.keyword(arg="code", value=ast.Constant(value=str(code))), *_],
        ):
            return code
    return None


def _code_set_by(statement: ast.stmt) -> str | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
            return code
        case ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code))):
            return code
    return None


def _strings_of_code() -> set[str]:
    return {node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _logged() -> set[str]:
    calls = [node for node in _nodes("chassis", "services") if isinstance(node, ast.Call)]
    events = [call.args[0] for call in calls if _is_log_call(call)]
    return {str(node.value) for event in events for node in ast.walk(event) if isinstance(node, ast.Constant)}


def _is_log_call(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id="log")):
            return True
    return False


def _name(metric: MetricWrapperBase) -> str:
    return f"{metric._name}_total" if isinstance(metric, Counter) else str(metric._name)
