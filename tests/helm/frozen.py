"""What no release of the chart may change from that before it; `python -m tests.helm.frozen` notes it for this one."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.helm.charts import Object, chart, kinds, objects

RELEASED = Path(__file__).with_name("released")
# Where what Kubernetes refuses to change is, and what other programs know us by.
_FIELDS = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates"),
    "Service": ("type", "clusterIP", "ports"),
    "ServiceAccount": (),
    "NetworkPolicy": (),
    "HTTPRoute": ("hostnames",),
}


def frozen(rendered: list[Object]) -> dict[str, Any]:
    """Return, by kind and name, the fields that an upgrade must leave as they are."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": {
            field: each["spec"][field] for field in _FIELDS[each["kind"]] if field in each["spec"]
        }
        for each in kinds(rendered, *_FIELDS)
    }


def releases() -> list[str]:
    """Return the released versions of the chart that there are values of."""
    return sorted(path.stem.removeprefix("values-") for path in RELEASED.glob("values-*.yaml"))


if __name__ == "__main__":
    version = chart().version
    values = yaml.safe_load((RELEASED / f"values-{version}.yaml").read_text())
    noted = json.dumps(frozen(objects(values)), indent=1, sort_keys=True)
    (RELEASED / f"frozen-{version}.json").write_text(noted + "\n")
