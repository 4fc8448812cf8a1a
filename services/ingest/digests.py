"""Digests that a sender gives with its bytes: RFC 9530's Content-Digest, and the Digest of RFC 3230 before it."""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Mapping

from chassis.errors import UnprocessableError

# What RFC 9530 calls insecure (md5, sha, crc32c, …) proves nothing, and is left aside as the RFC allows.
_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_FIELDS_MAX = 16
_CONTENT_DIGEST = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):")
_DIGEST = re.compile(r"([A-Za-z0-9-]+)=(\S+)")


class BadDigestError(UnprocessableError):
    """The header holds no digest that can be read."""

    code = "bad_digest"
    next_step = "Send Content-Digest: sha-256=:<base64 of the 32 bytes>: of the whole body, or no digest."

    def __init__(self, header: str) -> None:
        super().__init__(header)

    def __str__(self) -> str:
        return f"The header {self.args[0]} holds no digest that can be read."


class DigestMismatchError(UnprocessableError):
    """The bytes that arrived are not those that the sender hashed."""

    code = "digest_mismatch"
    next_step = "Send it again; if it stays, hash the bytes of the body as they are sent."

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithm)

    def __str__(self) -> str:
        return f"The body that arrived has another {self.args[0]} than the sender said."


def asked_digests(headers: Mapping[str, str]) -> dict[str, bytes]:
    """Return the digests that both headers give, by algorithm; only of those that are checked here.

    Raises `BadDigestError` where a header cannot be read, or both say different things.
    """
    found: dict[str, bytes] = {}
    for header, pattern in (("content-digest", _CONTENT_DIGEST), ("digest", _DIGEST)):
        for algorithm, value in _read(header, headers.get(header), pattern):
            if found.setdefault(algorithm, value) != value:
                raise BadDigestError(header)
    return found


async def verified(chunks: AsyncIterator[bytes], digests: Mapping[str, bytes]) -> AsyncIterator[bytes]:
    """Yield `chunks`; after the last one raise `DigestMismatchError` unless they have these digests."""
    hashes = {algorithm: _ALGORITHMS[algorithm]() for algorithm in digests}
    async for chunk in chunks:
        for each in hashes.values():
            each.update(chunk)
        yield chunk
    for algorithm, digest in digests.items():
        if hashes[algorithm].digest() != digest:
            raise DigestMismatchError(algorithm)


def _read(header: str, value: str | None, pattern: re.Pattern[str]) -> list[tuple[str, bytes]]:
    if value is None:
        return []
    found = [pattern.fullmatch(field.strip()) for field in value.split(",")]
    if not all(found) or len(found) > _FIELDS_MAX:
        raise BadDigestError(header)
    named = [(each[1].lower(), each[2]) for each in found if each]
    return [(name, _decoded(header, name, text)) for name, text in named if name in _ALGORITHMS]


def _decoded(header: str, algorithm: str, text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadDigestError(header) from error
    if len(digest) != _ALGORITHMS[algorithm]().digest_size:
        raise BadDigestError(header)
    return digest
