import json

import pytest

from contracts.events import EVENTS, Event, TaskProgressed
from contracts.published import ASYNCAPI, TABLE, asyncapi
from contracts.topology import EVENTS_EXCHANGE, PROGRESS_EXCHANGE
from contracts.vocabulary import Lane, State

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.versioned_type())


@every_event
def test_asyncapi_describes_every_event(event: type[Event]) -> None:
    document = json.loads(ASYNCAPI.read_text())
    name = event.versioned_type()
    channel = document["channels"][name]

    assert document["operations"][f"receive.{name}"]["channel"] == {"$ref": f"#/channels/{name}"}
    assert channel["messages"][name] == {"$ref": f"#/components/messages/{name}"}
    assert document["components"]["messages"][name]["payload"]["schema"]["title"] == event.__name__
    assert channel["parameters"]["lane"]["enum"] == [str(lane) for lane in Lane]


@every_event
def test_asyncapi_names_the_exchange_that_carries_the_event(event: type[Event]) -> None:
    exchange = asyncapi()["channels"][event.versioned_type()]["bindings"]["amqp"]["exchange"]

    assert exchange["name"] == (PROGRESS_EXCHANGE if event is TaskProgressed else EVENTS_EXCHANGE)


@every_event
def test_the_table_has_a_row_for_every_event(event: type[Event]) -> None:
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith(f"| [`{event.versioned_type()}`]")]

    assert len(rows) == 1


def test_what_nobody_works_on_any_more_is_terminal() -> None:
    assert {state for state in State if not state.is_terminal} == {State.QUEUED, State.PROCESSING}
