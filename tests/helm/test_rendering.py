"""What the examples render to: as it was judged before, and valid for every Kubernetes that the chart is for."""

import copy
import re

import helm_python
import pytest
import yaml

from tests.helm.charts import CHART, EXAMPLES, GOLDEN, chart, example, golden, named, of_example, render, written
from tests.helm.schemas import faults, kubernetes_versions

WARNING = 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_renders_to_what_was_judged(name: str) -> None:
    assert golden(name) == (GOLDEN / f"{name}.yaml").read_text(), "judge the difference of `make chart`"


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("version", kubernetes_versions())
def test_every_object_is_valid_and_has_no_unknown_field(name: str, version: str) -> None:
    assert [fault for each in of_example(name) for fault in faults(each, version)] == []


def test_the_schemas_reach_from_the_oldest_to_at_least_the_one_of_helm() -> None:
    versions = kubernetes_versions()

    assert versions[0].startswith(re.findall(r"1\.\d+", chart().metadata["kubeVersion"])[0])
    assert len(versions) >= 10


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "gateway"),
        ("ScaledObject", "analysis-bulk"),
        ("TriggerAuthentication", "rabbitmq"),
        ("HorizontalPodAutoscaler", "gateway"),
    ],
)
def test_a_field_that_nobody_knows_is_found(kind: str, name: str) -> None:
    wrong = copy.deepcopy(named(of_example("keda"), kind, name))
    wrong["spec"]["misspelt"] = 1

    assert faults(wrong, kubernetes_versions()[-1])


@pytest.mark.parametrize("name", EXAMPLES)
def test_helm_finds_nothing_to_warn_of(name: str) -> None:
    report = helm_python.lint(CHART, example(name), strict=True, namespace="audio", kube_version="v1.28.0")

    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] >= WARNING] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_object_says_a_key_twice_or_has_a_name_twice(name: str) -> None:
    texts = [text for path, text in render(example(name)).items() if path.endswith(".yaml")]
    for text in texts:
        list(yaml.load_all(text, Loader=_StrictLoader))

    names = [(each["kind"], each["metadata"]["name"]) for each in of_example(name)]
    assert len(names) == len(set(names))


def test_a_key_that_is_said_twice_is_found() -> None:
    with pytest.raises(yaml.YAMLError, match="twice"):
        yaml.load("a: 1\na: 2\n", Loader=_StrictLoader)  # noqa: S506


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_written_ends_without_blanks_and_tabs(name: str) -> None:
    for path, text in written(name).items():
        assert not re.search(r"\t|[ ]$", text.rstrip(), re.MULTILINE), path


class _StrictLoader(yaml.SafeLoader):
    """Refuses what YAML forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, f"a key stands twice in {keys}", node.start_mark)
        return super().construct_mapping(node, deep)
