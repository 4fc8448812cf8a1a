"""Every value is explained, in the schema, and refused when it is misspelt or a secret."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deploy.chart.__main__ import CHART, generated, leftovers
from deploy.chart.values_table import UnexplainedValueError, values_of
from tests.helm.charts import HelmError, example, kinds, objects, render

VALUES = (CHART / "values.yaml").read_text()
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
MONITORING = ("serviceMonitor", "prometheusRule", "dashboards")
# Objects of Kubernetes, or of a parent chart.
OPEN = {"/properties/global"}


def test_what_is_generated_in_the_chart_is_as_it_would_be_now() -> None:
    stale = [str(path) for path, text in generated().items() if not path.exists() or path.read_text() != text]

    assert stale == [], "run `make chart`"
    assert leftovers() == [], "run `make chart`"


def test_the_table_has_every_value_there_is() -> None:
    values = yaml.safe_load(VALUES)
    explained = {each.path: yaml.safe_load(each.default) for each in values_of(VALUES)}

    assert {path: _at(values, path) for path in explained} == explained
    assert {path for path in _leaves(values) if not any(_is_in(path, each) for each in explained)} == set()


def test_a_value_that_nobody_explained_is_found() -> None:
    with pytest.raises(UnexplainedValueError, match="secret: 1"):
        list(values_of("# explained\nfirst: 1\nsecret: 1\n"))


def test_the_schema_refuses_what_it_does_not_know_everywhere() -> None:
    open_objects = [path for path, node in _objects(SCHEMA, "") if node.get("additionalProperties") is not False]
    named = [path for path in open_objects if "properties" in dict(_objects(SCHEMA, ""))[path]]

    assert set(named) == OPEN


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"typo": 1}, "typo"),
        ({"workloads": {"analysis": {"replica": 1}}}, "replica"),
        ({"workloads": {"worker": {}}}, "worker"),
        ({"settings": {"DAWNCHORUS_INTERNAL_TOKEN": "abc"}}, "INTERNAL_TOKEN"),
        ({"settings": {"S3_SECRET_ACCESS_KEY": "abc"}}, "S3_SECRET_ACCESS_KEY"),
        ({"settings": {"DAWNCHORUS_DRAIN_TIMEOUT_S": "1"}}, "DRAIN_TIMEOUT_S"),
        ({"settings": {"DAWNCHORUS_RETENTION_S": 2592000}}, "settings"),
        ({"amqp": {"url": "amqp://a:b@c"}}, "url"),
        ({"networkPolicy": {"gatewayFrom": [{"podSelektor": {}}]}}, "podSelektor"),
        ({"telemetry": {"samplerArg": "10 %"}}, "samplerArg"),
    ],
)
def test_a_value_that_is_misspelt_or_a_secret_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        render({**example("minimal"), **values})


@pytest.mark.parametrize("missing", ["amqp", "mongodb", "s3", "internalToken"])
def test_a_server_without_a_secret_is_asked_for_by_name(missing: str) -> None:
    values = example("minimal")
    del values[missing]

    with pytest.raises(HelmError, match=f"{missing}.existingSecret is required"):
        render(values)


def test_the_chart_can_be_part_of_another() -> None:
    assert objects({**example("minimal"), "global": {"anything": {"of": "the parent's"}}})


def test_prometheus_and_grafana_get_what_the_project_has_and_nothing_unasked() -> None:
    carried = {path.name for folder in ("alerts", "dashboards") for path in (CHART / "files" / folder).glob("*.*")}
    asked = objects({**example("minimal"), "monitoring": {name: {"enabled": True} for name in MONITORING}})
    maps = [each for each in kinds(asked, "ConfigMap") if each["metadata"]["labels"].get("grafana_dashboard") == "1"]

    rules = kinds(asked, "PrometheusRule")
    assert len(maps) + len(rules) == len(carried)
    assert all(json.loads(text) for each in maps for text in each["data"].values())
    assert all(each["spec"]["groups"] for each in rules)
    assert len(kinds(asked, "ServiceMonitor")) == 1
    unasked = objects(example("minimal"))
    assert kinds(unasked, "ServiceMonitor", "PrometheusRule", "ConfigMap") == []


def _objects(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield path, node
        for key, each in node.items():
            yield from _objects(each, f"{path}/{key}")
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from _objects(each, f"{path}/{number}")


def _leaves(node: Any, path: str = "") -> Iterator[str]:
    if not isinstance(node, dict) or not node:
        yield path.removeprefix(".")
        return
    for key, each in node.items():
        yield from _leaves(each, f"{path}.{key}")


def _is_in(path: str, other: str) -> bool:
    return f"{path}.".startswith(f"{other}.")


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node[key]
    return node
