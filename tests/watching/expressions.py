"""What dashboards and rules ask of Prometheus."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.audio import REPOSITORY

DASHBOARDS = REPOSITORY / "deploy" / "dashboards"
ALERTS = REPOSITORY / "deploy" / "alerts"
# What Grafana puts in its place depends on the panel's width.
INTERVAL = "5m"


@dataclass(frozen=True)
class Asked:
    """An expression, and where it stands."""

    where: str
    expression: str

    def __str__(self) -> str:
        return self.where


def of_dashboards() -> list[Asked]:
    """Return what every panel asks."""
    return [asked for path in sorted(DASHBOARDS.glob("*.json")) for asked in _of_panels(json.loads(path.read_text()))]


def recorded() -> list[str]:
    """Return the names of all recording rules."""
    return [rule["record"] for rule in rules() if "record" in rule]


def alerts() -> list[Mapping[str, Any]]:
    """Return all alerts."""
    return [rule for rule in rules() if "alert" in rule]


def rules() -> list[Mapping[str, Any]]:
    """Return all rules."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(ALERTS.glob("*.yaml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def _of_panels(board: Mapping[str, Any]) -> Iterator[Asked]:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            if "expr" in target:
                where = f"{board['uid']}: {panel['title']} {target['refId']}"
                yield Asked(where, target["expr"].replace("$__rate_interval", INTERVAL))
