"""Kubernetes' own schemas, and those of custom resources, held against rendered objects: no unknown field passes."""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
from kubernetes_validate.utils import all_versions

CRDS = Path(__file__).with_name("crds")
OLDEST = (1, 28)

Object = dict[str, Any]


def kubernetes_versions() -> list[str]:
    """Return every version there are schemas of, from the oldest that the chart is for."""
    # Each is there twice, as the other form accepts unknown fields.
    return [each for each in dict.fromkeys(all_versions()) if tuple(map(int, each.split(".")[:2])) >= OLDEST]


def faults(rendered: Object, version: str) -> list[str]:
    """Return what is wrong with an object; raises `FileNotFoundError` where its kind has no schema."""
    validator = _validator(rendered["apiVersion"], rendered["kind"].lower(), version)
    where = f"{rendered['kind']}/{rendered['metadata']['name']}"
    return [f"{where}: {list(error.instance_path)} {error.message}" for error in validator.iter_errors(rendered)]


@cache
def _validator(api: str, kind: str, version: str) -> jsonschema_rs.Draft202012Validator:
    custom = CRDS / f"{kind}.json"
    if custom.exists():
        return jsonschema_rs.Draft202012Validator({**json.loads(custom.read_text()), "$schema": _DRAFT})
    # `networking.k8s.io/v1` is called `networking-v1` there.
    group = re.sub(r"^([^./]*)(?:[.][^/]*)?/", r"\1-", api)
    name = f"{kind}-{group}.json"
    schema = json.loads(_folder(version).joinpath(name).read_text())
    return jsonschema_rs.Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> jsonschema_rs.Registry:
    definitions = json.loads(_folder(version).joinpath("_definitions.json").read_text())
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])


def _folder(version: str) -> Any:
    return files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"


_DRAFT = "https://json-schema.org/draft/2020-12/schema"
