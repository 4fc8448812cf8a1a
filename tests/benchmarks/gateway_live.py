"""How long live events take from the broker to clients, and what a client that takes nothing does to the others."""

import asyncio
import json
import os
import re
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field

import aio_pika
import httpx

from contracts.envelope import envelop, to_message
from contracts.events import AnalysisFailed
from contracts.topology import EVENTS_EXCHANGE
from contracts.vocabulary import Fault
from tests.benchmarks.figures import say
from tests.benchmarks.gateway_figures import Figure, figure_of
from tests.component.polling import eventually
from tests.system import System

TIMEOUT_S = 120.0
_RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
_EVENT_ID = re.compile(rb'"id": "([0-9a-f-]{36})"')


@dataclass
class Listeners:
    """Clients of live events, and when each event came to each."""

    system: System
    sent_s: dict[str, float] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    listening: int = 0

    async def join(self, count: int) -> None:
        """Have so many more clients listen."""
        until = self.listening + count
        self.tasks += [asyncio.create_task(self._listen()) for _ in range(count)]
        await eventually(lambda: _holds(self.listening >= until), within_s=TIMEOUT_S)

    async def heard(self, count: int) -> None:
        """Wait until so many events came, to all clients together."""
        await eventually(lambda: _holds(len(self.took_s) >= count), within_s=TIMEOUT_S)

    async def leave(self) -> None:
        """End every stream."""
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    async def _listen(self) -> None:
        reader, writer = await opened(self.system)
        try:
            while line := await reader.readline():
                if line.startswith(b": listening"):
                    self.listening += 1
                elif line.startswith(b"data:") and (found := _EVENT_ID.search(line)):
                    self.took_s.append(time.perf_counter() - self.sent_s[found[1].decode()])
        finally:
            writer.close()


async def opened(system: System, receive_bytes: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for live events; `receive_bytes` bounds what the kernel takes in for a client that does not read."""
    url = system.client.base_url
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (url.host, url.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=receive_bytes or 65_536)
    key = system.client.headers["Authorization"]
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: {key}\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


async def publish(exchange: aio_pika.abc.AbstractExchange, listeners: Listeners, count: int, pause_s: float) -> None:
    """Have so many events happen, one after the other."""
    fault = Fault(code="benchmark", sentence="Nothing failed.", next_step="None.")
    event = AnalysisFailed(recording_id=_RECORDING, project_id="default", parameters_id="x", attempts=1, error=fault)
    for _ in range(count):
        envelope = envelop(event, source="benchmark", id_=str(uuid.uuid4()))
        message = to_message(envelope)
        listeners.sent_s[envelope.id] = time.perf_counter()
        body = message.body if isinstance(message.body, bytes) else json.dumps(message.body).encode()
        await exchange.publish(aio_pika.Message(body, headers=dict(message.headers)), envelope.routing_key)
        await asyncio.sleep(pause_s)


async def live_figures(system: System, events: int, clients: int) -> list[Figure]:
    """Return how long an event takes to one client, and to many of which one stalls."""
    connection = await aio_pika.connect(system.environment["AMQP_URL"])
    async with connection:
        exchange = await (await connection.channel()).get_exchange(EVENTS_EXCHANGE)
        alone = await _to(system, exchange, events, clients=1, pause_s=0.02)
        stalled, writer = await opened(system, receive_bytes=4096)
        await stalled.readline()
        many = await _to(system, exchange, events, clients=clients - 1, pause_s=0.5)
        before = await _clients(system)
        await _overrun(system, exchange)
        await eventually(lambda: _nobody_listens(system), within_s=TIMEOUT_S)
        say(f"live clients with the stalled one: {before:g}; after it missed too much: {await _clients(system):g}")
        with suppress(ConnectionError):
            writer.close()
    return [
        figure_of("event to the one client", *alone),
        figure_of(f"event to {clients} clients, one stalled", *many),
    ]


async def _to(
    system: System, exchange: aio_pika.abc.AbstractExchange, events: int, *, clients: int, pause_s: float
) -> tuple[list[float], float]:
    listeners, load = Listeners(system), os.getloadavg()[0]
    await listeners.join(clients)
    await publish(exchange, listeners, events, pause_s)
    await listeners.heard(events * clients)
    await listeners.leave()
    return listeners.took_s, load


async def _overrun(system: System, exchange: aio_pika.abc.AbstractExchange) -> None:
    # The kernel's buffers and the backlog take some megabytes before the client counts as too slow.
    await publish(exchange, Listeners(system), 12_000, 0)


async def _nobody_listens(system: System) -> bool:
    return await _clients(system) == 0


async def _holds(fact: bool) -> bool:
    return fact


async def _clients(system: System) -> float:
    async with httpx.AsyncClient(base_url=system.client.base_url) as client:
        metrics = (await client.get("/metrics")).text
    return float(re.findall(r"^dawnchorus_live_clients (\S+)", metrics, re.MULTILINE)[0])
