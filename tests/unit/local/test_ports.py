import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from deploy.local.errors import PortTakenError, PortValueError
from deploy.local.layout import layout_from
from deploy.local.ports import LOOPBACK, free_ports, is_free
from deploy.local.stack import running_stack
from deploy.local.state import StateFolder


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server((LOOPBACK, next(free_ports())))) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken_port: int) -> None:
    assert not is_free(taken_port)


def test_free_ports_are_all_different_and_free() -> None:
    ports = list(islice(free_ports(), 20))

    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_a_taken_port_is_named_with_who_wanted_it_and_what_to_set(taken_port: int, tmp_path: Path) -> None:
    # Three services come before the broker in the row.
    layout = layout_from({"DAWNCHORUS_PORT_BASE": str(taken_port - 3)}, StateFolder(tmp_path))

    with pytest.raises(PortTakenError) as refusal, running_stack(layout):
        pass

    sentence = str(refusal.value)
    assert all(word in sentence for word in (str(taken_port), "rabbitmq", "DAWNCHORUS_PORT_BASE"))


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_a_variable_that_holds_no_port_is_named(value: str, tmp_path: Path) -> None:
    with pytest.raises(PortValueError, match="DAWNCHORUS_PORT should be"):
        layout_from({"DAWNCHORUS_PORT": value}, StateFolder(tmp_path))
