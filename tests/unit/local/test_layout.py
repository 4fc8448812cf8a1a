from pathlib import Path

import pytest

from deploy.local.errors import VariableMissingError
from deploy.local.layout import layout_from
from deploy.local.state import StateFolder

S3_KEYS = {"S3_ACCESS_KEY_ID": "somebody", "S3_SECRET_ACCESS_KEY": "secret"}


def test_without_variables_every_server_is_ours(tmp_path: Path) -> None:
    layout = layout_from({}, StateFolder(tmp_path))

    assert [server.name for server in layout.embedded()] == ["rabbitmq", "mongodb", "s3"]
    assert [service.name for service in layout.services] == ["ingest", "spectrogram", "analysis", "gateway"]
    assert layout.gateway.port == 8080


def test_no_port_is_used_twice(tmp_path: Path) -> None:
    layout = layout_from({}, StateFolder(tmp_path))

    ports = [port for part in (*layout.servers, *layout.services) for port in part.ports]

    assert len(ports) == len(set(ports))


@pytest.mark.parametrize(
    ("server", "variables"),
    [
        ("rabbitmq", {"AMQP_URL": "amqp://elsewhere/"}),
        ("mongodb", {"MONGODB_URL": "mongodb://elsewhere/recordings"}),
        ("s3", {"S3_ENDPOINT_URL": "https://elsewhere", **S3_KEYS}),
    ],
)
def test_a_url_replaces_the_server_of_its_kind(server: str, variables: dict[str, str], tmp_path: Path) -> None:
    layout = layout_from(variables, StateFolder(tmp_path))

    assert server not in [embedded.name for embedded in layout.embedded()]
    assert len(layout.embedded()) == 2
    assert variables.items() <= layout.settings.items()


def test_a_shell_that_sourced_our_own_settings_replaces_nothing(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    sourced = dict(layout_from({}, state).settings)

    assert len(layout_from(sourced, state).embedded()) == 3


def test_an_s3_of_ones_own_must_come_with_its_keys(tmp_path: Path) -> None:
    with pytest.raises(VariableMissingError, match="S3_ENDPOINT_URL is set, so S3_ACCESS_KEY_ID must be set"):
        layout_from({"S3_ENDPOINT_URL": "https://elsewhere"}, StateFolder(tmp_path))


def test_passwords_stay_the_same_from_start_to_start(tmp_path: Path) -> None:
    first, second = (layout_from({}, StateFolder(tmp_path)) for _ in range(2))

    assert first.settings == second.settings
