"""Exactly one autoscaler per workload, and no replicas beside it."""

import itertools
from typing import Any

import pytest

from contracts.topology import queues
from contracts.vocabulary import Lane
from tests.helm.charts import HelmError, Object, environment, example, kinds, named, objects, of_example, render

MODES = ("none", "cpu", "backlog", "keda")
WORKERS = {"spectrogram", "analysis"}
every_way = pytest.mark.parametrize(("mode", "separate"), list(itertools.product(MODES, [False, True])))


@every_way
def test_a_workload_has_replicas_or_one_autoscaler(mode: str, separate: bool) -> None:
    rendered = _scaled(mode, separate=separate)
    scalers = kinds(rendered, "HorizontalPodAutoscaler", "ScaledObject")

    targets = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]
    deployments = {each["metadata"]["name"]: each["spec"] for each in kinds(rendered, "Deployment")}
    assert len(deployments) == (6 if separate else 4)
    assert sorted(targets) == ([] if mode == "none" else sorted(deployments))
    assert {"replicas" in spec for spec in deployments.values()} == {mode == "none"}
    assert {each["kind"] for each in scalers if _is_worker(each)} <= {
        "ScaledObject" if mode == "keda" else "HorizontalPodAutoscaler"
    }


@every_way
def test_every_work_queue_has_workers_and_scales_those_that_take_from_it(mode: str, separate: bool) -> None:
    rendered = _scaled(mode, separate=separate)
    taken = {
        f"{service}.work.{lane}": {
            name for name in _deployments(rendered, service) if environment(rendered, name)[_slots(lane)] != "0"
        }
        for service in WORKERS
        for lane in Lane
    }

    assert set(taken) == {each.name for each in queues() if ".work." in each.name}
    assert all(len(names) == 1 for names in taken.values())
    if mode in ("backlog", "keda"):
        assert _scaling(rendered) == taken


def test_keda_counts_what_is_under_way_and_brings_the_bulk_lane_back_from_zero() -> None:
    scaled = named(of_example("keda"), "ScaledObject", "spectrogram-bulk")["spec"]
    [trigger] = scaled["triggers"]

    assert scaled["minReplicaCount"] == 0
    assert trigger["metadata"]["protocol"] == "http"
    assert trigger["metadata"]["mode"] == "QueueLength"
    assert trigger["metadata"]["excludeUnacknowledged"] == "false"
    assert trigger["metadata"]["activationValue"] == "0"
    named(of_example("keda"), "TriggerAuthentication", trigger["authenticationRef"]["name"])
    assert named(of_example("keda"), "ScaledObject", "dawnchorus-spectrogram")["spec"]["minReplicaCount"] > 0


def test_a_worker_of_a_lane_of_its_own_leaves_the_other_one_alone() -> None:
    rendered = of_example("keda")

    assert environment(rendered, "analysis-bulk")[_slots(Lane.INTERACTIVE)] == "0"
    assert environment(rendered, "analysis-bulk")[_slots(Lane.BULK)] == "2"
    assert environment(rendered, "dawnchorus-analysis")[_slots(Lane.BULK)] == "0"
    assert environment(rendered, "dawnchorus-analysis")[_slots(Lane.INTERACTIVE)] == "1"


@pytest.mark.parametrize("mode", ["cpu", "backlog"])
def test_an_autoscaler_grows_at_once_and_shrinks_slowly(mode: str) -> None:
    for scaler in kinds(_scaled(mode), "HorizontalPodAutoscaler"):
        behaviour = scaler["spec"]["behavior"]
        assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
        assert behaviour["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"autoscaling": {"mode": "both"}}, "autoscaling/mode"),
        ({"autoscaling": {"mode": "keda"}}, "amqp.managementKey"),
        ({"workloads": {"analysis": {"minReplicas": 0}}}, "minReplicas is 0"),
        ({"workloads": {"analysisBulk": {"minReplicas": 0}}}, "minReplicas is 0"),
        ({"workloads": {"gateway": {"minReplicas": 11}}}, "more than maxReplicas"),
    ],
)
def test_what_cannot_scale_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        render({**example("minimal"), **values})


def _scaled(mode: str, *, separate: bool = False) -> list[Object]:
    values = example("keda")
    values["lanes"] = {"separate": separate}
    values["autoscaling"] = {"mode": mode}
    if mode != "keda" or not separate:
        del values["workloads"]
    return objects(values)


def _slots(lane: Lane) -> str:
    return f"DAWNCHORUS_{lane.upper()}_SLOTS"


def _deployments(rendered: list[Object], service: str) -> list[str]:
    names = [each["metadata"]["name"] for each in kinds(rendered, "Deployment")]
    return [name for name in names if f"-{service}" in name]


def _is_worker(scaler: Object) -> bool:
    return any(worker in scaler["metadata"]["name"] for worker in WORKERS)


def _scaling(rendered: list[Object]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for scaler in filter(_is_worker, kinds(rendered, "HorizontalPodAutoscaler", "ScaledObject")):
        for trigger in scaler["spec"].get("triggers", scaler["spec"].get("metrics")):
            external = trigger.get("external", {}).get("metric", {}).get("selector", {}).get("matchLabels", {})
            queue = trigger.get("metadata", {}).get("queueName") or external["queue"]
            found.setdefault(queue, set()).add(scaler["spec"]["scaleTargetRef"]["name"])
    return found
