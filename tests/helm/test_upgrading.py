"""An upgrade from every released chart: its values render, and nothing changes that Kubernetes forbids to change."""

import json
from typing import Any

import pytest
import yaml

from tests.helm.charts import Object, kinds, objects
from tests.helm.frozen import RELEASED, frozen, releases


@pytest.mark.parametrize("version", releases())
def test_the_values_of_an_earlier_chart_render_and_keep_what_cannot_change(version: str) -> None:
    values: dict[str, Any] = yaml.safe_load((RELEASED / f"values-{version}.yaml").read_text())

    now = frozen(objects(values, is_upgrade=True))

    then = json.loads((RELEASED / f"frozen-{version}.json").read_text())
    assert {name: now.get(name) for name in then} == then


def test_the_chart_of_now_has_an_example_to_be_upgraded_from() -> None:
    assert releases()


def test_what_an_upgrade_prepares_runs_before_it_and_again_every_time() -> None:
    values = yaml.safe_load((RELEASED / f"values-{releases()[0]}.yaml").read_text())
    [job] = kinds(objects(values, is_upgrade=True), "Job")
    about: Object = job["metadata"]["annotations"]

    assert set(about["helm.sh/hook"].split(",")) == {"pre-install", "pre-upgrade"}
    assert "before-hook-creation" in about["helm.sh/hook-delete-policy"]
    containers = job["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in containers} == {"ingest", "spectrogram", "analysis", "gateway"}
    assert all(each["args"] == ["prepare"] for each in containers)


def test_servers_of_the_release_are_there_before_anything_is_prepared_in_them() -> None:
    [job] = kinds(objects({"devBackends": {"enabled": True}}), "Job")

    assert set(job["metadata"]["annotations"]["helm.sh/hook"].split(",")) == {"post-install", "pre-upgrade"}
