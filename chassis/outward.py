"""Requests to addresses that clients name: out of this network only, to the address that was checked, within bounds.

AddressRefusedError    the address may not be asked: scheme, port or network
UnreachableError       no answer came in time, or the connection failed
AnswerTooLargeError    more bytes than are taken
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import ClassVar

import httpx

from .errors import TransientError, UnprocessableError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REDIRECTS_MAX = 3
_PORT_MAX = 65_535

# What carries an IPv4 address inside: who lets these through lets through whatever they lead to.
_TUNNELS = tuple(ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))


class AddressRefusedError(UnprocessableError):
    """The address may not be asked."""

    code: ClassVar[str] = "address_refused"
    next_step: ClassVar[str] = "Give the address of a public server, with https."

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)

    def __str__(self) -> str:
        return f"{self.args[0][:200]} is not asked: {self.args[1]}."


class UnreachableError(TransientError):
    """The address did not answer."""

    code: ClassVar[str] = "address_unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The address did not answer: {self.args[0]}."


class AnswerTooLargeError(UnprocessableError):
    """The address sent more than is taken."""

    code: ClassVar[str] = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)

    def __str__(self) -> str:
        return f"The address sent more than {self.args[0]} bytes."


@dataclass(frozen=True)
class OutwardRules:
    """Which addresses may be asked.

    networks  private ones that may be asked all the same
    http      whether plain HTTP may be spoken; HTTPS always may
    hosts     the only ones that may be asked; None: any
    """

    networks: tuple[Network, ...] = ()
    http: bool = False
    hosts: frozenset[str] | None = None

    def check_url(self, url: httpx.URL) -> None:
        """Raise `AddressRefusedError` for a URL that may not be asked, whatever its host's address is."""
        if url.scheme not in ("https", "http") or (url.scheme == "http" and not self.http):
            raise AddressRefusedError(str(url), "its scheme is not https")
        if url.port is not None and not 0 < url.port <= _PORT_MAX:
            raise AddressRefusedError(f"{url.scheme}://{url.host}", "there is no such port")
        if not url.host:
            raise AddressRefusedError(str(url), "it names no host")
        if self.hosts is not None and url.host not in self.hosts:
            raise AddressRefusedError(f"{url.scheme}://{url.host}", "this host is not on the list of those")
        if url.userinfo:
            raise AddressRefusedError(f"{url.scheme}://{url.host}", "it holds a name or a password")

    def allows(self, address: Address) -> bool:
        """Tell whether an address is public, or in a network that is allowed."""
        if any(_within(address, network) for network in self.networks):
            return True
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                return self.allows(address.ipv4_mapped)
            if address.is_site_local or any(_within(address, network) for network in _TUNNELS):
                return False
        return address.is_global and not address.is_multicast and not address.is_reserved


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to an address that was checked: a name that resolves anew in between leads nowhere else."""

    def __init__(self, rules: OutwardRules) -> None:
        self._rules = rules
        # No connection is used again: it was made for one name, and another one may have the same address.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._rules.check_url(request.url)
        address = await resolved(request.url, self._rules)
        name = request.url.host
        request.url = request.url.copy_with(host=str(address))
        # The certificate must be the name's.
        request.extensions = {**request.extensions, "sni_hostname": name}
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def resolved(url: httpx.URL, rules: OutwardRules) -> Address:
    """Return the address of a URL's host; raise `AddressRefusedError` unless every one that it has is allowed."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"{url.host[:200]} has no address") from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not all(rules.allows(address) for address in addresses):
        raise AddressRefusedError(f"{url.scheme}://{url.host}", "it is in a network that is not public")
    return addresses[0]


@dataclass(frozen=True)
class Answer:
    """What an address answered: its status, and no more than the beginning of its body."""

    status: int
    body: bytes


class OutwardClient:
    """Asks addresses that clients name."""

    def __init__(self, rules: OutwardRules, timeout_s: float) -> None:
        self._rules = rules
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            transport=_Pinned(rules), timeout=timeout_s, trust_env=False, follow_redirects=False
        )

    async def check(self, url: str) -> None:
        """Raise `AddressRefusedError` when this address may not be asked, or there is none of that name."""
        parsed = _parsed(url)
        self._rules.check_url(parsed)
        try:
            async with asyncio.timeout(self._timeout_s):
                await resolved(parsed, self._rules)
        except (UnreachableError, TimeoutError) as error:
            raise AddressRefusedError(url, "no address is known of its host") from error

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, read_bytes: int) -> Answer:
        """Send a body; follow no redirect; read the first bytes of the answer at most, all within the timeout."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", _parsed(url), content=body, headers=dict(headers)) as answer,
            ):
                return Answer(answer.status_code, await _beginning(answer, read_bytes))
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def get(self, url: str, *, limit_bytes: int, within_s: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an address for reading: blocks of at most `limit_bytes` together, all within `within_s`.

        Redirects are followed, each checked like the first. Raises `AnswerTooLargeError` while the blocks are read.
        """
        try:
            async with asyncio.timeout(within_s), self._opened(_parsed(url)) as answer:
                if int(answer.headers.get("content-length") or 0) > limit_bytes:
                    raise AnswerTooLargeError(limit_bytes)
                yield _bounded(answer, limit_bytes)
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def _opened(self, url: httpx.URL) -> AsyncIterator[httpx.Response]:
        # What is packed could be unpacked to any size.
        headers = {"Accept-Encoding": "identity"}
        for _ in range(REDIRECTS_MAX + 1):
            async with self._client.stream("GET", url, headers=headers) as answer:
                if answer.next_request is None:
                    answer.raise_for_status()
                    yield answer
                    return
                url = answer.next_request.url
        raise UnreachableError(f"it redirects more than {REDIRECTS_MAX} times")

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _parsed(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefusedError(url, "it is no URL") from error


async def _beginning(answer: httpx.Response, limit_bytes: int) -> bytes:
    body = b""
    async for block in answer.aiter_raw():
        body += block
        if len(body) >= limit_bytes:
            break
    return body[:limit_bytes]


async def _bounded(answer: httpx.Response, limit_bytes: int) -> AsyncIterator[bytes]:
    size_bytes = 0
    async for block in answer.aiter_raw():
        size_bytes += len(block)
        if size_bytes > limit_bytes:
            raise AnswerTooLargeError(limit_bytes)
        yield block


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
