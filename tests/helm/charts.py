"""The chart, rendered by Helm's own engine."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

from tests.audio import REPOSITORY

CHART = REPOSITORY / "deploy" / "helm" / "dawnchorus"
EXAMPLES = ("minimal", "production", "keda", "dev-backends")
GOLDEN = Path(__file__).with_name("golden")
RELEASE, NAMESPACE = "dc", "audio"
# What a render makes up anew; an upgrade finds it in the cluster.
_RANDOM = re.compile(r"^(  (?:password|\w+_URL|S3_\w+|RCLONE_AUTH_KEY|DAWNCHORUS_INTERNAL_TOKEN)): \S+$", re.MULTILINE)
# Alerts and dashboards are judged where they are written.
_CARRIED = re.compile(r"(?<=\n)(?:spec:\n(?:  #.*\n)*  groups:|data:\n  [\w-]+\.json: \|-)\n(?:(?:  .*)?\n)*")

Object = dict[str, Any]
HelmError = helm_python.HelmError


def example(name: str) -> dict[str, Any]:
    """Return the values of one of the chart's examples."""
    return dict(yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text()))


def render(values: Mapping[str, Any], *, is_upgrade: bool = False) -> dict[str, str]:
    """Return the rendered text of every template."""
    return chart().render(
        dict(values), name=RELEASE, namespace=NAMESPACE, is_install=not is_upgrade, is_upgrade=is_upgrade
    )


def objects(values: Mapping[str, Any], *, is_upgrade: bool = False) -> list[Object]:
    """Return every rendered object, hooks and tests among them."""
    texts = {path: text for path, text in render(values, is_upgrade=is_upgrade).items() if path.endswith(".yaml")}
    return [each for _, text in sorted(texts.items()) for each in yaml.safe_load_all(text) if each]


@cache
def of_example(name: str) -> tuple[Object, ...]:
    """Return the objects of an example; nobody changes them."""
    return tuple(objects(example(name)))


def written(name: str) -> dict[str, str]:
    """Return the text that the templates write for an example, without what they only carry."""
    return {path: _CARRIED.sub("", text) for path, text in render(example(name)).items()}


def golden(name: str) -> str:
    """Return what an example renders to, as one text; what is random is left out."""
    sources = sorted((path, text.strip()) for path, text in written(name).items())
    whole = "\n".join(f"---\n# Source: {path}\n{text}" for path, text in sources if text)
    return _RANDOM.sub(r"\1: RANDOM", "\n".join(line.rstrip() for line in whole.splitlines())) + "\n"


def kinds(rendered: Iterator[Object] | tuple[Object, ...] | list[Object], *wanted: str) -> list[Object]:
    """Return the objects of some kinds."""
    return [each for each in rendered if each["kind"] in wanted]


def named(rendered: tuple[Object, ...] | list[Object], kind: str, name: str) -> Object:
    """Return one object, by the end of its name."""
    [found] = [each for each in kinds(rendered, kind) if each["metadata"]["name"].endswith(name)]
    return found


def pod_specs(rendered: tuple[Object, ...] | list[Object]) -> list[tuple[str, Object]]:
    """Return the name and the specification of every pod that these objects make."""
    pods = [(each["metadata"]["name"], each["spec"]) for each in kinds(rendered, "Pod")]
    makers = kinds(rendered, "Deployment", "StatefulSet", "Job")
    return pods + [(each["metadata"]["name"], each["spec"]["template"]["spec"]) for each in makers]


def environment(rendered: tuple[Object, ...] | list[Object], name: str) -> dict[str, Any]:
    """Return the environment of a Deployment's container: values, or where they come from."""
    [container] = named(rendered, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


@cache
def chart() -> helm_python.Chart:
    """Return the chart, loaded once."""
    return helm_python.Chart.load(CHART)
