"""What docs/kubernetes.md shows works as written."""

import re
from typing import Any

import pytest
import yaml

from tests.audio import REPOSITORY
from tests.helm.charts import CHART, example, named, objects, of_example
from tests.pages import blocks, marked_table

PAGE = REPOSITORY / "docs" / "kubernetes.md"
OF_THE_CHART = re.findall(r"<!-- chart values -->\n```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", blocks(PAGE, "yaml"))
def test_yaml_of_the_page_can_be_read(text: str) -> None:
    assert isinstance(yaml.safe_load(text), dict)


@pytest.mark.parametrize("text", OF_THE_CHART)
def test_values_of_the_page_render(text: str) -> None:
    assert objects({**example("minimal"), **yaml.safe_load(text)})


def test_all_values_of_the_page_together_render() -> None:
    values: dict[str, Any] = example("minimal")
    for text in OF_THE_CHART:
        values |= yaml.safe_load(text)

    assert len(OF_THE_CHART) == 3
    assert objects(values)


def test_the_table_of_memory_states_the_requests_and_limits_of_the_chart() -> None:
    for service, _, at_rest, at_most, request, limit in marked_table(PAGE, "memory"):
        [container] = named(of_example("minimal"), "Deployment", f"dawnchorus-{service}")["spec"]["template"]["spec"][
            "containers"
        ]
        assert container["resources"]["requests"]["memory"] == request
        assert container["resources"]["limits"]["memory"] == limit
        assert int(at_rest) <= int(at_most) < _mb(request) < _mb(limit)


def test_the_chart_runs_the_images_as_they_are_built() -> None:
    dockerfile = (REPOSITORY / "deploy" / "Dockerfile").read_text()
    pod = named(of_example("minimal"), "Deployment", "gateway")["spec"]["template"]["spec"]

    security = pod["securityContext"]
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE) == [
        str(pod["containers"][0]["ports"][0]["containerPort"])
    ]
    assert f"image: {pod['containers'][0]['image'].partition(':')[0]}\n" in (REPOSITORY / "compose.yaml").read_text()


def test_every_example_is_on_the_page_or_in_the_readme() -> None:
    told = PAGE.read_text() + (CHART / "README.md").read_text()

    assert all(f"examples/{path.name}" in told for path in (CHART / "examples").iterdir())


def _mb(quantity: str) -> float:
    return int(quantity[:-2]) * {"Mi": 2**20, "Gi": 2**30}[quantity[-2:]] / 1e6
