"""What every test may ask for: real servers, real recordings."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.rabbitmq import SERVER
from deploy.local.servers import Servers, running_servers
from tests.audio import recordings
from tests.birdnet import birdnet

__all__ = ["birdnet", "recordings", "servers"]

# Each of these shares what it starts: servers, and for end-to-end tests the services, too.
SHARING = ("tests/component/", "tests/e2e/", "tests/chaos/")

# How long an example takes says something about the machine, not about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Real RabbitMQ, MongoDB and S3, on free ports; skipped where RabbitMQ is not installed, but never in CI."""
    if not SERVER.exists():
        reason = "RabbitMQ is not installed; `make test` installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with running_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share the tests out by files; those of a folder that share real servers go to one process, all of them."""
    return _ByServers(config, log)


class _ByServers(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in SHARING if path.startswith(folder)), path)
