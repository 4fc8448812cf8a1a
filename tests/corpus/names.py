"""Names and idempotency keys that nobody should give; the recordings under them are good."""

import io
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import soundfile

from .case import COMPLETED, Case, Content, Door, Sending

_RATE_HZ = 8000
_NAMES = {
    "upwards": "../../../../etc/passwd",
    "upwards, as on Windows": "..\\..\\windows\\win.ini",
    "from the root": "/etc/shadow",
    "a null": "bird\0.wav",
    "a line break": "bird.wav\r\nX-Injected: 1",
    "an escape sequence": "\x1b[2J\x1b]0;owned\x07.wav",
    "right to left": "bird\u202evaw.exe",
    "invisible": "\u200b\u200c\u200d\ufeff",
    "half a pair": b"bird\xed\xa0\x80.wav",
    "no UTF-8": b"bird\xff\xfe.wav",
    "emoji": "\U0001f426" * 300,
    "ten thousand letters": "n" * 10_000,
    "accents without end": "e" + "\u0301" * 5000,
    "dots": "..",
    "blanks": "   ",
    "a query of MongoDB": '{"$gt": ""}',
    "HTML": "<script>alert(1)</script>.wav",
    "a format": "%s%n%x{0.__class__}.wav",
    "a formula": "=cmd|' /C calc'!A0",
    "a device": "CON.wav",
    "a date in the year 99999": "S_99999999_999999.wav",
}
_KEYS = {
    "upwards": b"../../etc/passwd",
    "blanks": b"a   b",
    "a dollar": b'{"$ne": null}',
    "10 kB": b"k" * 10_000,
    "Latin": b"\xe9\xe8",
    "emoji": "\U0001f426".encode(),
    "right to left": "\u202ekey".encode(),
    "a tab": b"a\tb",
}


def names() -> Iterator[Case]:
    """Yield every one of them."""
    for what, name in _NAMES.items():
        build = partial(_named, f"name {what}", name)
        yield Case(f"name: {what}", "name", Door.UPLOAD, build, frozenset({COMPLETED, "bad_request"}))
    for what, key in _KEYS.items():
        build = partial(_keyed, f"key {what}", key)
        yield Case(f"Idempotency-Key: {what}", "key", Door.UPLOAD, build, frozenset({COMPLETED, "bad_request"}))


@cache
def tiny(seed_text: str) -> Content:
    """Return a fifth of a second that no other text gives."""
    seed = int.from_bytes(seed_text.encode()[:64], "big")
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, _RATE_HZ // 5)
    target = io.BytesIO()
    soundfile.write(target, noise, _RATE_HZ, format="WAV", subtype="PCM_16")
    return target.getvalue()


def _named(what: str, name: str | bytes) -> Sending:
    return Sending(tiny(what), name if isinstance(name, bytes) else name.encode())


def _keyed(what: str, key: bytes) -> Sending:
    return Sending(tiny(what), headers={"Idempotency-Key": key})
