"""The whole system, started once for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from deploy.local.servers import Servers
from tests.birdnet import is_birdnet_installed
from tests.spans import SpanSink, span_sink
from tests.system import System, running_system
from tests.third_party import install


@pytest.fixture(scope="session")
def sink() -> Iterator[SpanSink]:
    """Where the services export their spans to."""
    with span_sink() as listening:
        yield listening


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, servers: Servers, sink: SpanSink) -> Iterator[System]:
    """The four services over real servers."""
    extra = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "DAWNCHORUS_HEARTBEAT_S": "1",
        "DAWNCHORUS_SAMPLE_S": "1",
        "DAWNCHORUS_OUTWARD_HTTP": "true",
        "DAWNCHORUS_OUTWARD_NETWORKS": '["127.0.0.0/8"]',
        "DAWNCHORUS_FETCH_HOSTS": '["127.0.0.1"]',
        "DAWNCHORUS_WEBHOOK_DELAYS_S": "[0.2, 0.2]",
        "DAWNCHORUS_EXTRACTOR_TIMEOUT_S": "5",
        # There is none to be found, and nothing shall come of that.
        "DAWNCHORUS_DEVICE": "auto",
        # A package of somebody else's is found by the analysis service, and used where a test asks for it.
        "PYTHONPATH": str(install(tmp_path_factory.mktemp("site"))),
    }
    if is_birdnet_installed():
        extra["DAWNCHORUS_OPT_IN_EXTRACTORS"] = '["species"]'
    with running_system(tmp_path_factory.mktemp("system"), servers, extra) as running:
        yield running
