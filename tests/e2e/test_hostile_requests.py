"""Whatever a client sends, it is answered with 4xx, never 5xx, and the gateway lives on."""

import pytest

from tests.audio import tone, write
from tests.system import System

from .hostile import Hostile, hostile_requests

pytestmark = pytest.mark.servers

REQUESTS = list(hostile_requests())


@pytest.fixture(scope="module")
def recording_id(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A recording that is there, and done with."""
    sent = system.upload(write(tmp_path_factory.mktemp("hostile") / "tone.wav", tone(333.0, duration_s=1.0)))
    system.ended(sent.json()["id"])
    return str(sent.json()["id"])


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: each.name)
def test_a_hostile_request_is_refused(system: System, recording_id: str, request_: Hostile) -> None:
    key = system.client.headers["Authorization"].removeprefix("Bearer ")

    status, answer = request_.answered(str(system.client.base_url), key, recording_id)

    assert 400 <= status < 500, answer[:2000]


def test_there_are_enough_of_them() -> None:
    assert len({each.name for each in REQUESTS}) == len(REQUESTS) >= 60
