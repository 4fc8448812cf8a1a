"""Who may speak with whom: what is not listed is denied, and a worker's list is short."""

import ipaddress
from typing import Any

import pytest

from tests.helm.charts import (
    EXAMPLES,
    HelmError,
    Object,
    environment,
    example,
    kinds,
    named,
    objects,
    of_example,
    pod_specs,
    render,
)

WORKERS = ("dawnchorus-spectrogram", "dawnchorus-analysis")
SERVERS = {"amqp": {5672, 5671}, "mongodb": {27017}, "s3": {443}}
DNS = {53}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pod_has_a_policy_for_both_directions(name: str) -> None:
    policies = [each["spec"] for each in kinds(of_example(name), "NetworkPolicy")]

    assert all(policy["policyTypes"] == ["Ingress", "Egress"] for policy in policies)
    for pod, labels in _pods(name):
        chosen = [each for each in policies if each["podSelector"]["matchLabels"].items() <= labels.items()]
        # The one that denies everything, and its own; hooks come before the first.
        assert len(chosen) == 2, pod


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_no_policy_lists_is_denied(name: str) -> None:
    base = named(of_example(name), "NetworkPolicy", "dc-dawnchorus")["spec"]

    assert "ingress" not in base
    assert "egress" not in base
    assert set(base["podSelector"]["matchLabels"]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_reaches_names_broker_database_s3_and_nothing_else(worker: str) -> None:
    assert [_ports(rule) for rule in _egress("minimal", worker)] == [DNS, *SERVERS.values()]


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_reaches_telemetry_too_where_there_is_any_and_servers_where_they_are(worker: str) -> None:
    rules = _egress("production", worker)

    assert [_ports(rule) for rule in rules] == [DNS, {5672, 5671}, {27017}, {3900}, {4318}]
    assert all(rule["to"] for rule in rules)


def test_only_the_gateway_reaches_ingest_spectrogram_management_and_addresses_outside() -> None:
    gateway = _egress("production", "gateway")

    assert [_ports(rule) for rule in gateway][5:] == [{15672, 15671}, {"http"}, {443}]
    assert _callers("production", "ingest") == {"gateway", "test"}
    assert _callers("production", "dawnchorus-spectrogram") == {"gateway", "test"}
    assert _callers("production", "dawnchorus-analysis") == {"test"}
    assert not _is_outward(_egress("production", "ingest"))


def test_ingest_reaches_addresses_outside_where_it_is_said() -> None:
    rendered = objects({**example("minimal"), "networkPolicy": {"ingestOutward": True, "gatewayOutward": False}})

    assert _is_outward(named(rendered, "NetworkPolicy", "ingest")["spec"]["egress"])
    assert not _is_outward(named(rendered, "NetworkPolicy", "gateway")["spec"]["egress"])


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "fd00::1"]
)
def test_outside_is_never_a_private_network(address: str) -> None:
    blocks = [peer["ipBlock"] for peer in _egress("minimal", "gateway")[-1]["to"]]
    asked = ipaddress.ip_address(address)

    assert not any(_holds(block, asked) for block in blocks)
    assert any(_holds(block, ipaddress.ip_address("198.51.100.7")) for block in blocks)


def test_prometheus_reaches_every_service_where_it_is_said() -> None:
    monitoring = example("production")["networkPolicy"]["monitoringFrom"]

    for deployment in kinds(of_example("production"), "Deployment"):
        rules = named(of_example("production"), "NetworkPolicy", deployment["metadata"]["name"])["spec"]["ingress"]
        assert monitoring in [rule.get("from") for rule in rules]


def test_servers_of_the_release_are_reached_by_its_pods_alone() -> None:
    rendered = of_example("dev-backends")

    for server in ("rabbitmq", "mongodb", "s3"):
        [rule] = named(rendered, "NetworkPolicy", server)["spec"]["ingress"]
        assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "dc"}}}]
    assert [_ports(rule) for rule in _egress("dev-backends", "dawnchorus-analysis")] == [DNS, {5672}, {27017}, {8080}]


def test_a_request_of_any_length_comes_in_by_the_gateway_api() -> None:
    rules = named(of_example("production"), "HTTPRoute", "gateway")["spec"]["rules"]

    unbounded = {(match["path"]["value"], match.get("method")) for match in rules[0]["matches"]}
    assert rules[0]["timeouts"] == {"request": "0s"}
    assert {("/v1/events", None), ("/v1/ws", None), ("/v1/recordings", "POST"), ("/v1/uploads", None)} <= unbounded
    assert rules[1]["timeouts"]["request"] != "0s"
    service = named(of_example("production"), "Service", "gateway")
    assert {rule["backendRefs"][0]["name"] for rule in rules} == {service["metadata"]["name"]}


def test_an_ingress_takes_the_largest_recording_and_holds_nothing_back() -> None:
    annotations = named(of_example("dev-backends"), "Ingress", "gateway")["metadata"]["annotations"]
    said = {name.rpartition("/")[2]: value for name, value in annotations.items()}
    limit = int(str(environment(of_example("dev-backends"), "gateway")["DAWNCHORUS_MAX_UPLOAD_BYTES"]))

    # A form is a little more than its file.
    assert int(said["proxy-body-size"]) > limit
    assert (said["proxy-buffering"], said["proxy-request-buffering"]) == ("off", "off")
    assert int(said["proxy-read-timeout"]) >= 3600


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"httpRoute": {"enabled": True}}, "name the Gateway"),
        ({"ingress": {"enabled": True}}, "name a host"),
        ({"ingress": {"enabled": True, "hosts": ["a"]}, "httpRoute": {"enabled": True}}, "one way in"),
    ],
)
def test_a_way_in_that_leads_nowhere_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        render({**example("minimal"), **values})


def _pods(name: str) -> list[tuple[str, dict[str, str]]]:
    rendered = of_example(name)
    templates = [each["spec"]["template"] for each in kinds(rendered, "Deployment", "StatefulSet", "Job")]
    pods = [*(each["metadata"]["labels"] for each in [*templates, *kinds(rendered, "Pod")])]
    assert len(pods) == len(pod_specs(rendered))
    return [(labels["app.kubernetes.io/component"], labels) for labels in pods]


def _egress(name: str, workload: str) -> list[Object]:
    rules: list[Object] = named(of_example(name), "NetworkPolicy", workload)["spec"]["egress"]
    return rules


def _callers(name: str, workload: str) -> set[str]:
    rules = named(of_example(name), "NetworkPolicy", workload)["spec"]["ingress"]
    peers = [peer["podSelector"] for rule in rules for peer in rule["from"] if "podSelector" in peer]
    return {peer["matchLabels"]["app.kubernetes.io/component"] for peer in peers}


def _ports(rule: Object) -> set[int | str]:
    return {port["port"] for port in rule["ports"]}


def _is_outward(rules: list[Object]) -> bool:
    return any("ipBlock" in peer for rule in rules for peer in rule.get("to", []))


def _holds(block: Object, address: Any) -> bool:
    def within(network: str) -> bool:
        return address in ipaddress.ip_network(network)

    return within(block["cidr"]) and not any(within(each) for each in block["except"])
