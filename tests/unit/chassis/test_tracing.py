import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar, get
from litestar.params import FromPath
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from chassis.metrics import HTTP_SECONDS
from chassis.tracing import attached, current_trace, detached, extract, span, trace_id, tracer_provider
from chassis.web import measured, traced
from tests.recorded_spans import SpanRecorder

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
REMOTE = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
NOBODY = "0" * 32


@get("/v1/recordings/{recording_id:str}")
async def one(recording_id: FromPath[str]) -> str:
    return trace_id()


@pytest_asyncio.fixture
async def client(spans: SpanRecorder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a traced and measured application."""
    app: Any = traced(measured(Litestar([one], logging_config=None, openapi_config=None)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as asking:
        yield asking


def test_a_span_with_a_remote_parent_is_its_child_and_linked_to_it(spans: SpanRecorder) -> None:
    with span("process", kind=SpanKind.CONSUMER, parent=extract(REMOTE)):
        pass

    [ended] = spans.ended()
    assert _trace_id(ended) == TRACE_ID
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == PARENT_ID
    assert [f"{link.context.span_id:016x}" for link in ended.links] == [PARENT_ID]


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}])
def test_a_span_of_a_message_without_a_trace_begins_one(spans: SpanRecorder, headers: dict[str, str]) -> None:
    with span("process", parent=extract(headers)):
        pass

    [ended] = spans.ended()
    assert ended.parent is None
    assert list(ended.links) == []


def test_a_span_within_a_span_is_its_child_without_a_link(spans: SpanRecorder) -> None:
    with span("outer") as outer, span("inner"):
        pass

    [inner] = spans.ended("inner")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id
    assert list(inner.links) == []


def test_a_failure_is_seen_on_its_span_by_its_class_not_by_its_sentence(spans: SpanRecorder) -> None:
    with pytest.raises(ValueError, match="owl"), span("work"):
        raise ValueError("owl by the pond.wav")

    [ended] = spans.ended()
    assert ended.status.status_code is StatusCode.ERROR
    assert (ended.attributes or {})["error.type"] == "ValueError"
    assert "owl" not in ended.to_json()


def test_to_be_cancelled_is_no_failure(spans: SpanRecorder) -> None:
    with pytest.raises(asyncio.CancelledError), span("work"):
        raise asyncio.CancelledError

    assert spans.ended()[0].status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("sampler", "share", "kept"),
    [(None, None, True), ("parentbased_traceidratio", "0", False), ("always_off", None, False)],
)
def test_operators_say_which_traces_are_kept(
    monkeypatch: pytest.MonkeyPatch, sampler: str | None, share: str | None, *, kept: bool
) -> None:
    for name, value in (("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", share)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    begun = tracer_provider("test").get_tracer("test").start_span("work")

    assert begun.is_recording() is kept
    assert begun.get_span_context().is_valid


def test_a_trace_that_is_not_kept_is_kept_by_nobody_after(spans: SpanRecorder) -> None:
    with span("process", parent=extract({"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-00"})):
        assert trace_id() == TRACE_ID

    assert spans.ended() == []


def test_a_stored_trace_goes_on_where_its_writer_stopped(spans: SpanRecorder) -> None:
    with span("writer") as writer:
        stored = current_trace()

    with attached(stored), span("relay"):
        pass

    [relay] = spans.ended("relay")
    assert relay.parent is not None
    assert relay.parent.span_id == writer.get_span_context().span_id
    assert trace_id() == NOBODY


def test_what_is_detached_belongs_to_no_trace(spans: SpanRecorder) -> None:
    with span("outer"), detached():
        inside = trace_id()

    assert inside == NOBODY


async def test_a_request_is_named_by_its_route_never_by_its_path(
    client: httpx.AsyncClient, spans: SpanRecorder
) -> None:
    await client.get("/v1/recordings/0192f0c1")

    [ended] = spans.ended()
    assert ended.name == "GET /v1/recordings/{recording_id}"
    assert ended.kind is SpanKind.SERVER
    assert (ended.attributes or {})["http.route"] == "/v1/recordings/{recording_id}"


async def test_a_path_that_is_no_route_makes_no_name_of_its_own(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    await client.get("/wp-login.php")

    [ended] = spans.ended()
    assert ended.name == "GET unmatched"
    assert "wp-login" not in ended.to_json()


async def test_a_method_that_somebody_makes_up_makes_no_name(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    await client.request("BREW", "/v1/recordings/1")

    assert [ended.name.split()[0] for ended in spans.ended()] == ["HTTP"]


async def test_neither_a_query_nor_an_address_is_told(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    answer = await client.get("/v1/recordings/1?name=owl.wav&again=yes")

    [ended] = spans.ended()
    assert answer.status_code == 200
    assert {"url.query", "client.address"} & (ended.attributes or {}).keys() == set()
    assert "owl" not in ended.to_json()


async def test_a_request_about_a_recording_names_it(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    await client.get("/v1/recordings/0192f0c1")

    [ended] = spans.ended()
    assert (ended.attributes or {})["recording.id"] == "0192f0c1"


async def test_a_request_goes_on_with_the_trace_of_its_caller(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    answer = await client.get("/v1/recordings/1", headers=REMOTE)

    assert answer.text == TRACE_ID


async def test_a_span_that_leaked_into_a_connection_is_not_the_parent_of_its_next_request(
    client: httpx.AsyncClient, spans: SpanRecorder
) -> None:
    # A connection whose reading was paused goes on in the context of the request that resumed it.
    with span("an earlier request") as leaked:
        alone = await client.get("/v1/recordings/1")
        called = await client.get("/v1/recordings/1", headers=REMOTE)

    earlier = trace.format_trace_id(leaked.get_span_context().trace_id)
    assert alone.text not in (earlier, NOBODY)
    assert called.text == TRACE_ID


async def test_a_request_is_measured_by_route_and_status(client: httpx.AsyncClient) -> None:
    labels = ("GET", "/v1/recordings/{recording_id}", 200)
    before = _count(*labels)

    await client.get("/v1/recordings/1")

    assert _count(*labels) == before + 1


def test_spans_have_the_names_of_todays_conventions() -> None:
    assert "http" in os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"].split(",")


async def test_attributes_have_the_names_of_todays_conventions(client: httpx.AsyncClient, spans: SpanRecorder) -> None:
    await client.get("/v1/recordings/1")

    [ended] = spans.ended()
    assert {"http.request.method", "http.response.status_code", "url.path"} <= (ended.attributes or {}).keys()


def _trace_id(ended: ReadableSpan) -> str:
    assert ended.context is not None
    return trace.format_trace_id(ended.context.trace_id)


def _count(*labels: object) -> float:
    [metric] = HTTP_SECONDS.labels(*labels).collect()
    [sample] = [sample for sample in metric.samples if sample.name.endswith("_count")]
    return float(sample.value)
