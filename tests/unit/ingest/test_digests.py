import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from services.ingest.digests import BadDigestError, DigestMismatchError, asked_digests, verified

BODY = b"a recording"
SHA256, SHA512 = hashlib.sha256(BODY).digest(), hashlib.sha512(BODY).digest()


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, {}),
        ({"content-digest": f"sha-256=:{_text(SHA256)}:"}, {"sha-256": SHA256}),
        (
            {"content-digest": f"sha-256=:{_text(SHA256)}:, sha-512=:{_text(SHA512)}:"},
            {"sha-256": SHA256, "sha-512": SHA512},
        ),
        ({"content-digest": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"}, {}),
        ({"digest": f"SHA-256={_text(SHA256)}"}, {"sha-256": SHA256}),
        ({"digest": f"md5=1B2M2Y8AsgTpgAmY7PhCfg==,sha-512={_text(SHA512)}"}, {"sha-512": SHA512}),
        (
            {"content-digest": f"sha-256=:{_text(SHA256)}:", "digest": f"sha-256={_text(SHA256)}"},
            {"sha-256": SHA256},
        ),
    ],
)
def test_both_headers_are_read_and_weak_digests_left_aside(headers: dict[str, str], found: dict[str, bytes]) -> None:
    assert asked_digests(headers) == found


@pytest.mark.parametrize(
    "headers",
    [
        {"content-digest": ""},
        {"content-digest": f"sha-256={_text(SHA256)}"},
        {"content-digest": "sha-256=:AAAA:"},
        {"content-digest": "sha-256=:A:"},
        {"content-digest": ",".join(["md5=:AAAA:"] * 100)},
        {"digest": "sha-256"},
        {"digest": "sha-256=!!!"},
        {"content-digest": f"sha-256=:{_text(SHA256)}:", "digest": f"sha-256={_text(hashlib.sha256().digest())}"},
    ],
)
def test_what_is_no_digest_is_refused_and_not_passed_over(headers: dict[str, str]) -> None:
    with pytest.raises(BadDigestError):
        asked_digests(headers)


async def test_a_body_is_compared_with_every_digest_at_its_end() -> None:
    assert b"".join([each async for each in verified(_chunks(), {"sha-256": SHA256, "sha-512": SHA512})]) == BODY

    with pytest.raises(DigestMismatchError) as refusal:
        async for _ in verified(_chunks(), {"sha-256": SHA256, "sha-512": SHA512[::-1]}):
            pass
    assert "sha-512" in str(refusal.value)


async def _chunks() -> AsyncIterator[bytes]:
    yield BODY[:4]
    yield BODY[4:]
