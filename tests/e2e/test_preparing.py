"""`prepare` makes before a start what a service makes at its start: the same, and as often as one likes."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from chassis.documents import open_database
from chassis.preparing import prepare_all
from chassis.settings import ServiceSettings
from deploy.local.services import ROOT
from services.analysis.preparing import prepare_indexes as of_analysis
from services.analysis.settings import AnalysisSettings
from services.gateway.preparing import prepare_indexes as of_gateway
from services.gateway.settings import GatewaySettings
from services.ingest.preparing import prepare_indexes as of_ingest
from services.ingest.settings import IngestSettings
from services.spectrogram.preparing import prepare_indexes as of_spectrogram
from services.spectrogram.settings import SpectrogramSettings
from tests.system import System

pytestmark = pytest.mark.servers

DEADLINE_S = 120
SERVICES: Mapping[type[ServiceSettings], Any] = {
    GatewaySettings: of_gateway,
    IngestSettings: of_ingest,
    SpectrogramSettings: of_spectrogram,
    AnalysisSettings: of_analysis,
}


async def test_prepared_are_the_indexes_that_running_services_have(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await _indexes(system.environment)
    for name, value in _elsewhere(system.environment, "prepared").items():
        monkeypatch.setenv(name, value)

    # All at once, as in a cluster; then again.
    await asyncio.gather(*(prepare_all(indexes, kind()) for kind, indexes in SERVICES.items()))
    await prepare_all(of_gateway, GatewaySettings())

    prepared = await _indexes(_elsewhere(system.environment, "prepared"))
    assert len(prepared) > len(SERVICES)
    assert {name: prepared.get(name) for name in running} == running


@pytest.mark.parametrize(("url", "code", "said"), [(None, 0, "service_prepared"), ("amqp://127.0.0.1:1/", 1, "queues")])
async def test_the_command_says_what_came_of_it(system: System, url: str | None, code: int, said: str) -> None:
    environment = _elsewhere(system.environment, "commanded")

    done = await asyncio.to_thread(_prepare, environment | ({"AMQP_URL": url} if url else {}))

    assert done.returncode == code
    assert said in done.stdout
    assert ("not_prepared" in done.stdout) == bool(code)


def _elsewhere(environment: Mapping[str, str], name: str) -> dict[str, str]:
    url = environment["MONGODB_URL"].replace("/dawnchorus?", f"/{name}?")
    assert url != environment["MONGODB_URL"]
    return {**environment, "MONGODB_URL": url, "S3_BUCKET": name}


def _prepare(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.ingest", "prepare"]
    return subprocess.run(
        command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


async def _indexes(environment: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    settings = ServiceSettings(
        amqp_url=environment["AMQP_URL"],
        mongodb_url=environment["MONGODB_URL"],
        s3_access_key_id=environment["S3_ACCESS_KEY_ID"],
        s3_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
    )
    async with open_database(settings) as database:
        names = await database.list_collection_names()
        found = {name: await database[name].index_information() for name in names}
    return {(name, index): about for name, each in found.items() for index, about in each.items() if index != "_id_"}
