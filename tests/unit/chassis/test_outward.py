import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address, ip_network

import pytest
import pytest_asyncio

from chassis.outward import (
    AddressRefusedError,
    AnswerTooLargeError,
    OutwardClient,
    OutwardRules,
    UnreachableError,
)
from tests.receiver import Receiver, Reply, receiving

LOOPBACK = OutwardRules((ip_network("127.0.0.0/8"),), http=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    with receiving() as listening:
        yield listening


@pytest_asyncio.fixture
async def client() -> AsyncIterator[OutwardClient]:
    """Asks this machine, too."""
    made = OutwardClient(LOOPBACK, timeout_s=5)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def strict() -> AsyncIterator[OutwardClient]:
    """Asks public addresses only, but by HTTP, too."""
    made = OutwardClient(OutwardRules(http=True), timeout_s=5)
    yield made
    await made.close()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1"),
        *("fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not OutwardRules().allows(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert OutwardRules().allows(ip_address(address))


def test_a_network_that_is_listed_is_allowed_and_no_other() -> None:
    assert LOOPBACK.allows(ip_address("127.0.0.1"))
    assert LOOPBACK.allows(ip_address("::ffff:127.0.0.1"))
    assert not LOOPBACK.allows(ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://localhost/", "http://127.1/", "http://2130706433/", "http://0x7f.1/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/"),
        *("ftp://example.org/", "file:///etc/passwd", "gopher://x/", "nonsense", "http://", "http://[::1"),
        *("http://user:secret@93.184.215.14/", "http://\x00/", "https://" + "a" * 300 + "/"),
        *("http://93.184.215.14:99999/", "http://93.184.215.14:0/"),
    ],
)
async def test_a_url_that_leads_inside_is_refused_when_it_is_given_and_when_it_is_asked(
    strict: OutwardClient, url: str
) -> None:
    with pytest.raises((AddressRefusedError, UnreachableError)):
        await strict.check(url)
    with pytest.raises((AddressRefusedError, UnreachableError)):
        await strict.post(url, b"", {}, read_bytes=10)


async def test_plain_http_is_refused_unless_it_is_allowed() -> None:
    client = OutwardClient(OutwardRules((ip_network("127.0.0.0/8"),)), timeout_s=5)
    with pytest.raises(AddressRefusedError, match="scheme"):
        await client.check("http://127.0.0.1/")
    await client.check("https://127.0.0.1/")
    await client.close()


async def test_a_name_is_asked_at_the_address_that_was_checked(
    client: OutwardClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.url.rpartition(":")[2]
    asked = _resolve_in_turn(monkeypatch, ["127.0.0.1", "10.0.0.1"])

    answer = await client.post(f"http://rebinding.example:{port}/hook", b"body", {}, read_bytes=10)

    assert answer.status == 200
    assert asked == ["rebinding.example"]
    assert receiver.taken[0].headers["host"] == f"rebinding.example:{port}"


async def test_a_name_of_which_one_address_is_inside_is_refused(
    strict: OutwardClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve_in_turn(monkeypatch, ["8.8.8.8 127.0.0.1"])

    with pytest.raises(AddressRefusedError, match="not public"):
        await strict.check("https://both.example/")


async def test_a_post_follows_no_redirect(client: OutwardClient, receiver: Receiver) -> None:
    receiver.answering = lambda _: Reply(307, {"location": f"{receiver.url}/elsewhere"})

    answer = await client.post(f"{receiver.url}/hook", b"body", {}, read_bytes=10)

    assert answer.status == 307
    assert [taken.path for taken in receiver.taken] == ["/hook"]


async def test_a_redirect_of_a_read_is_checked_like_the_first_address(
    client: OutwardClient, receiver: Receiver
) -> None:
    receiver.answering = lambda taken: (
        Reply(body=b"sound") if taken.path == "/there" else Reply(302, {"location": "/there"})
    )
    async with client.get(f"{receiver.url}/here", limit_bytes=100, within_s=5) as blocks:
        assert b"".join([block async for block in blocks]) == b"sound"

    receiver.answering = lambda _: Reply(302, {"location": "http://10.0.0.1/"})
    with pytest.raises(AddressRefusedError):
        await _read(client, receiver.url)

    receiver.answering = lambda taken: Reply(302, {"location": taken.path})
    with pytest.raises(UnreachableError, match="redirects"):
        await _read(client, receiver.url)


async def test_a_host_that_is_not_listed_is_not_asked_and_not_by_a_redirect_either(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    receiver.answering = lambda _: Reply(302, {"location": f"http://localhost:{port}/"})
    listed = OutwardRules(LOOPBACK.networks, http=True, hosts=frozenset({"127.0.0.1"}))
    client = OutwardClient(listed, timeout_s=5)

    for url in (f"http://localhost:{port}/", receiver.url):
        with pytest.raises(AddressRefusedError, match="not on the list"):
            await _read(client, url)

    assert len(receiver.taken) == 1
    await client.close()


async def test_more_than_the_limit_is_not_read(client: OutwardClient, receiver: Receiver) -> None:
    receiver.answering = lambda _: Reply(body=b"x" * 1000)
    with pytest.raises(AnswerTooLargeError):
        await _read(client, receiver.url, limit_bytes=999)
    assert len(await _read(client, receiver.url, limit_bytes=1000)) == 1000

    receiver.answering = lambda _: Reply(body=b"x" * 1000)
    answer = await client.post(receiver.url, b"", {}, read_bytes=10)
    assert answer.body == b"x" * 10


async def test_who_sends_its_answer_too_slowly_is_given_up(receiver: Receiver) -> None:
    server = await asyncio.start_server(_trickle, "127.0.0.1", 0)
    client = OutwardClient(LOOPBACK, timeout_s=0.5)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(UnreachableError):
            await client.post(url, b"", {}, read_bytes=10_000)
        with pytest.raises(UnreachableError):
            await _read(client, url, limit_bytes=10_000, within_s=0.5)
    await client.close()


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)
    writer.close()


async def _read(client: OutwardClient, url: str, *, limit_bytes: int = 100, within_s: float = 5) -> bytes:
    async with client.get(url, limit_bytes=limit_bytes, within_s=within_s) as blocks:
        return b"".join([block async for block in blocks])


def _resolve_in_turn(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> list[str]:
    """Have names resolve to one answer after the other; addresses resolve to themselves."""
    loop, asked = asyncio.get_running_loop(), list[str]()
    real = loop.getaddrinfo

    async def resolve(host: str, port: int, **options: int) -> list[tuple[object, ...]]:
        if not host.endswith(".example"):
            return await real(host, port, **options)  # type: ignore[return-value]
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in answers[len(asked) - 1].split()]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    return asked
