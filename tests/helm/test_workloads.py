"""What every workload is: hardened, drained, spread, probed, and told where its servers are by references alone."""

from typing import Any

import pytest

from chassis.jobs import START_TIMEOUT_S
from services.analysis.settings import AnalysisSettings
from services.gateway.settings import GatewaySettings
from services.ingest.settings import IngestSettings
from services.spectrogram.settings import SpectrogramSettings
from tests.helm.charts import EXAMPLES, Object, environment, example, kinds, named, objects, of_example, pod_specs

SETTINGS = {
    "gateway": GatewaySettings,
    "ingest": IngestSettings,
    "spectrogram": SpectrogramSettings,
    "analysis": AnalysisSettings,
}
OF_OTHERS = ("OTEL_", "POD_NAME")
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SECRET = ("PASS", "TOKEN", "SECRET", "ACCESS_KEY", "AUTH_KEY", "AMQP_URL", "MONGODB_URL", "MANAGEMENT_URL")

every_example = pytest.mark.parametrize("name", EXAMPLES)


@every_example
def test_every_pod_and_container_is_hardened(name: str) -> None:
    for pod, spec in pod_specs(of_example(name)):
        assert spec["automountServiceAccountToken"] is False, pod
        assert spec["securityContext"]["runAsNonRoot"] is True, pod
        assert spec["securityContext"]["runAsUser"] > 0, pod
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, pod
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), pod
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, pod
            assert security["readOnlyRootFilesystem"] is True, pod
            assert security["capabilities"] == {"drop": ["ALL"]}, pod
            assert "privileged" not in security, pod


@every_example
def test_what_can_be_written_to_has_a_size(name: str) -> None:
    for pod, spec in pod_specs(of_example(name)):
        for volume in spec.get("volumes", []):
            assert volume["emptyDir"]["sizeLimit"], pod


@every_example
def test_every_container_has_requests_and_a_limit_of_memory(name: str) -> None:
    for pod, spec in pod_specs(of_example(name)):
        for container in spec["containers"]:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), pod
            assert _bytes(resources["limits"]["memory"]) >= _bytes(resources["requests"]["memory"]), pod


def test_scratch_files_fit_into_the_disk_that_a_pod_may_take() -> None:
    for deployment in kinds(of_example("keda"), "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        [limit] = [each["resources"]["limits"]["ephemeral-storage"] for each in spec["containers"]]
        assert _bytes(limit) > _bytes(spec["volumes"][0]["emptyDir"]["sizeLimit"]), deployment["metadata"]["name"]


@every_example
def test_every_port_has_a_name_and_every_probe_and_service_uses_it(name: str) -> None:
    ports: set[str] = set()
    for pod, spec in pod_specs(of_example(name)):
        for container in spec["containers"]:
            assert all(port.get("name") for port in container.get("ports", [])), pod
            ports |= {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                where = container.get(probe, {}).get("httpGet", {}).get("port", "http")
                assert where in {port["name"] for port in container.get("ports", [])} | {"http"}, pod
    for service in kinds(of_example(name), "Service"):
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports
            assert port["name"]


@every_example
def test_every_secret_is_a_reference(name: str) -> None:
    for pod, spec in pod_specs(of_example(name)):
        for container in spec["containers"]:
            for variable in container.get("env", []):
                if variable["name"].endswith(SECRET):
                    assert "secretKeyRef" in variable["valueFrom"], (pod, variable["name"])
    held = [each["metadata"]["name"] for each in kinds(of_example(name), "Secret")]
    assert held == (["dc-dawnchorus-dev"] if name == "dev-backends" else [])


@every_example
def test_a_workload_drains_within_its_grace_and_a_worker_as_long_as_a_job_may_take(name: str) -> None:
    job_timeout_s = AnalysisSettings.model_fields["job_timeout_s"].default
    for deployment in kinds(of_example(name), "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        variables = environment([deployment], deployment["metadata"]["name"])
        [pause_s] = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1:]
        drain_s = int(variables["DAWNCHORUS_DRAIN_TIMEOUT_S"])
        assert spec["terminationGracePeriodSeconds"] > drain_s + int(pause_s)
        if "DAWNCHORUS_BULK_SLOTS" in variables:
            assert drain_s > job_timeout_s


@every_example
def test_a_start_may_take_as_long_as_children_may_and_then_liveness_asks_no_server(name: str) -> None:

    for deployment in kinds(of_example(name), "Deployment"):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        startup = container["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] > START_TIMEOUT_S
        assert (startup["httpGet"]["path"], container["livenessProbe"]["httpGet"]["path"]) == ("/livez", "/livez")
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


@every_example
def test_no_rollout_takes_the_last_replica_and_replicas_are_spread(name: str) -> None:
    for deployment in kinds(of_example(name), "Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        budget = named(of_example(name), "PodDisruptionBudget", deployment["metadata"]["name"])
        selector = deployment["spec"]["selector"]
        assert all(each["labelSelector"] == selector for each in spread)
        assert len(spread) == 2
        assert budget["spec"]["selector"] == selector


@every_example
def test_a_selector_is_name_instance_and_component_and_finds_its_own_pods_alone(name: str) -> None:
    makers = kinds(of_example(name), "Deployment", "StatefulSet")
    selectors = [each["spec"]["selector"]["matchLabels"] for each in makers]
    assert len({str(each) for each in selectors}) == len(makers)
    for maker, selector in zip(makers, selectors, strict=True):
        assert set(selector) == {f"app.kubernetes.io/{each}" for each in ("name", "instance", "component")}
        assert selector.items() <= maker["spec"]["template"]["metadata"]["labels"].items()
    for service in kinds(of_example(name), "Service"):
        assert service["spec"]["selector"] in selectors


@pytest.mark.parametrize("name", ["minimal", "production", "keda", "dev-backends"])
def test_every_variable_is_a_setting_of_its_service_and_no_required_one_is_missing(name: str) -> None:
    for deployment in kinds(of_example(name), "Deployment"):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        fields = SETTINGS[container["name"]].model_fields
        known = {str(field.validation_alias or f"DAWNCHORUS_{each.upper()}"): field for each, field in fields.items()}
        given = {each["name"] for each in container["env"] if not each["name"].startswith(OF_OTHERS)}
        everybodys = set(example(name).get("settings", {}))
        assert given - everybodys <= set(known), deployment["metadata"]["name"]
        assert {each for each, field in known.items() if field.is_required()} <= given


def test_a_setting_of_one_workload_wins_over_that_of_all_and_stays_there() -> None:
    rendered = objects(
        {
            **example("minimal"),
            "settings": {"DAWNCHORUS_LOG_LEVEL": "WARNING"},
            "workloads": {"ingest": {"settings": {"DAWNCHORUS_LOG_LEVEL": "DEBUG"}}},
        }
    )

    levels = {each: environment(rendered, each)["DAWNCHORUS_LOG_LEVEL"] for each in ("ingest", "gateway")}
    assert levels == {"ingest": "DEBUG", "gateway": "WARNING"}


def test_the_gateway_finds_the_others_under_the_names_of_their_services() -> None:
    names = {each["metadata"]["name"] for each in kinds(of_example("minimal"), "Service")}
    variables: dict[str, Any] = environment(of_example("minimal"), "gateway")

    for variable in ("DAWNCHORUS_INGEST_URL", "DAWNCHORUS_SPECTROGRAM_URL"):
        assert variables[variable].removeprefix("http://") in names


def test_a_digest_wins_over_a_tag_and_a_global_registry_over_ours() -> None:
    digest = "sha256:" + "0" * 64
    rendered: list[Object] = objects(
        {
            **example("minimal"),
            "global": {"imageRegistry": "mirror.example.org"},
            "image": {"registry": "elsewhere", "tag": "1.2.3", "digests": {"ingest": digest}},
        }
    )

    images = {spec["containers"][0]["name"]: spec["containers"][0]["image"] for _, spec in pod_specs(rendered)}
    assert images["analysis"] == "mirror.example.org/dawnchorus-analysis:1.2.3"
    assert images["ingest"] == f"mirror.example.org/dawnchorus-ingest@{digest}"


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]
