"""The dashboards are what their code says, in Grafana's types, and ask what Prometheus understands."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.__main__ import made, stale
from tests.watching.expressions import DASHBOARDS, of_dashboards, recorded
from tests.watching.prometheus import program

FILES = sorted(DASHBOARDS.glob("*.json"))


def test_the_dashboards_are_what_their_code_says() -> None:
    assert stale() == []
    assert set(made()) == set(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_says_nothing_that_grafanas_types_do_not_know(path: Path) -> None:
    said = json.loads(path.read_text())

    assert json.loads(JSONEncoder().encode(Dashboard.from_json(said))) == said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_lies_upon_another_and_each_says_what_it_is_about(path: Path) -> None:
    panels = json.loads(path.read_text())["panels"]
    cells = [
        (x, y)
        for each in panels
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({each["id"] for each in panels}) == len(panels)
    assert [each["title"] for each in panels if each["type"] not in ("row", "text") and not each["description"]] == []


def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    asked = of_dashboards()
    rules = [{"record": f"panel:{number}", "expr": each.expression} for number, each in enumerate(asked)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    checked = subprocess.run([program("promtool"), "check", "rules", file], capture_output=True, text=True)

    assert len(asked) > 70
    assert checked.returncode == 0, checked.stderr


def test_what_a_panel_takes_from_a_recording_rule_is_recorded() -> None:
    taken = {each.expression for each in of_dashboards() if each.expression.startswith("dawnchorus:")}

    assert taken - set(recorded()) == set()
    assert taken
