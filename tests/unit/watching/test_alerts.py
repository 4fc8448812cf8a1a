"""Every alert fires in a test, is silent in another, and leads to a page that says what to do."""

import re
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from chassis import metrics
from tests.audio import REPOSITORY
from tests.watching.expressions import ALERTS, alerts, of_dashboards, rules
from tests.watching.prometheus import program

TESTS = sorted((ALERTS / "tests").glob("*.test.yaml"))
HEADINGS = ["## What you see", "## What to do", "## When it is over"]


def test_prometheus_understands_every_rule() -> None:
    files = sorted(ALERTS.glob("*.yaml"))

    checked = subprocess.run([program("promtool"), "check", "rules", *files], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_alerts_fire_and_are_silent_as_their_tests_say(path: Any) -> None:
    tested = subprocess.run([program("promtool"), "test", "rules", path], capture_output=True, text=True)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_is_seen_firing_and_seen_silent(alert: Mapping[str, Any]) -> None:
    expected = [
        each["exp_samples"][0]["value"]
        for path in TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for each in test["promql_expr_test"]
        if f'"{alert["alert"]}"' in each["expr"]
    ]

    assert sorted(expected) == [0, 1]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_whom_to_wake_and_leads_to_its_page(alert: Mapping[str, Any]) -> None:
    page = REPOSITORY / alert["annotations"]["runbook_url"]

    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    assert re.findall(r"^## .*$", page.read_text(), re.MULTILINE) == HEADINGS
    assert alert["alert"] in page.read_text()


def test_rules_and_panels_ask_for_metrics_that_there_are() -> None:
    known = {each._name for each in vars(metrics).values() if hasattr(each, "_labelnames")}
    asked = [*(each["expr"] for each in rules()), *(each.expression for each in of_dashboards())]
    named = {name for text in asked for name in re.findall(r"\bdawnchorus_\w+", text)}

    assert {name for name in named if re.sub(r"_(total|bucket|count|sum)$", "", name) not in known} == set()
