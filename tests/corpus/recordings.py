"""Recordings that lie, that explode, that are cut or damaged, and what is none at all."""

import io
import struct
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.muxing import mux
from tests.unit.audio.hostile import ENDS, LIES, PLAYLISTS, POLYGLOTS, STORED, Content, float_wav, patched, sound, wav

from . import bombs
from .case import COMPLETED, TRUNCATED, Case, Door

_WELL = frozenset({COMPLETED, TRUNCATED})
_REFUSED = frozenset({"not_decodable", "empty", "unsupported"})
_TEXTS = {"decoded": COMPLETED, "truncated": TRUNCATED}
_FLIPPED_BITS = 8
_HEADER_BYTES = 600

_BOMBS: dict[str, tuple[Callable[[], Content], frozenset[str]]] = {
    "FLAC, 26 hours in 318 kB": (lambda: bombs.silent("FLAC", "PCM_16"), frozenset({"too_long"})),
    # Completed where so much is allowed.
    "FLAC, 20 minutes and no word of it": (lambda: bombs.flac_hidden(1200), frozenset({"too_long", COMPLETED})),
    "FLAC, 8 channels at 655 kHz for 14 hours": (
        lambda: bombs.flac_of(655_350, 8, 2**35),
        frozenset({"too_long"}),
    ),
    "Opus, 26 hours in 2.4 MB": (bombs.opus, frozenset({"too_long"})),
    "Opus, two minutes that say one second": (lambda: bombs.opus(120, claims=48_000), _WELL),
    "CAF ALAC, 26 hours in 460 kB": (lambda: bombs.silent("CAF", "ALAC_16"), frozenset({"too_long"})),
    "MP3, 2^31 frames by its Xing tag": (
        lambda: LIES["MP3 whose Xing tag claims 2^32 frames"][0]()[:4000],
        _REFUSED | {"too_long"},
    ),
    "MP4 whose one packet lasts for 2^32": (lambda: _retimed(), _WELL | _REFUSED | {"too_long"}),
    "WAV, 3 million empty chunks": (lambda: _chunks(bombs.LARGE_BYTES), _REFUSED),
    "WAV, a million empty chunks behind its samples": (
        lambda: bombs.stuffed(sound("WAV PCM_16"), b"junk\0\0\0\0"),
        _WELL,
    ),
    "AIFF, a million empty chunks": (lambda: bombs.stuffed(b"FORM\x7f\xff\xff\xffAIFF", b"ANNO\0\0\0\0"), _REFUSED),
    "CAF, 700 thousand empty chunks": (lambda: bombs.stuffed(sound("CAF PCM_24")[:52], b"free" + bytes(8)), _REFUSED),
    "FLAC, 2 million empty blocks": (bombs.flac_blocks, _WELL),
    "MP4, a million boxes of nothing": (lambda: bombs.boxes(b"free"), _REFUSED),
    "MP4, a million fragments of nothing": (lambda: bombs.boxes(b"moof"), _REFUSED),
    "Matroska, 4 million empty elements": (lambda: bombs.stuffed(sound("MKA Opus")[:40], b"\xec\x80"), _REFUSED),
    "Matroska, 1.6 million empty clusters": (lambda: bombs.stuffed(sound("MKA Opus"), b"\x1f\x43\xb6\x75\x80"), _WELL),
    "OGG, 2 million page heads": (lambda: bombs.stuffed(sound("OGG Vorbis"), b"OggS"), _WELL | _REFUSED),
    "MP3, 8 MB of sync words": (lambda: bombs.stuffed(sound("MP3, variable rate"), b"\xff\xfb"), _WELL),
    "MP3, a tag of a million comments": (bombs.id3_frames, _WELL),
    "MP3, a cover of 16 MB": (bombs.id3_cover, _WELL),
    "MP3, 800 thousand ID3 tags": (lambda: bombs.stuffed(b"", b"ID3\4\0\0\0\0\0\0", sound("MP2")), _REFUSED | _WELL),
    "FLAC, 2^32 comments": (lambda: bombs.flac_comments(2**32 - 1), _WELL | _REFUSED),
    "FLAC, a hundred thousand comments": (lambda: bombs.flac_comments(100_000), _WELL | _REFUSED),
    "WAV, ten thousand notes of 4 GB": (lambda: bombs.wav_list(2**32 - 1), _WELL),
}
_OTHERS: dict[str, tuple[Callable[[], Content], frozenset[str]]] = {
    "nothing": (lambda: b"", frozenset({"empty"})),
    "one byte": (lambda: b"R", frozenset({"unsupported"})),
    "the word RIFF": (lambda: b"RIFF", frozenset({"unsupported"})),
    "a RIFF head and no more": (lambda: b"RIFF\0\0\0\0WAVE", _REFUSED),
    "zeros": (lambda: bytes(100_000), frozenset({"unsupported"})),
    "a tar of recordings": (lambda: _tar(), frozenset({"unsupported"})),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(1000), frozenset({"unsupported"})),
    "AVI": (lambda: b"RIFF\xff\xff\xff\x7fAVI LIST" + bytes(1000), frozenset({"unsupported"})),
    "WebP": (lambda: b"RIFF\x24\0\0\0WEBPVP8 " + bytes(24), frozenset({"unsupported"})),
    "MIDI": (lambda: b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(20), frozenset({"unsupported"})),
    "AMR": (lambda: b"#!AMR\n" + bytes(1000), frozenset({"unsupported"})),
    "cue sheet": (lambda: b'FILE "/etc/passwd" WAVE\n  TRACK 01 AUDIO\n', frozenset({"unsupported"})),
    "SVG": (lambda: b'<svg><image href="file:///etc/passwd"/></svg>', frozenset({"unsupported"})),
    "HTML with a WAV behind it": (lambda: b"<html></html>" + sound("WAV PCM_16"), frozenset({"unsupported"})),
    "MP4 without sound": (lambda: _film("mp4", "libx264"), frozenset({"no_audio_track"})),
    "MKV without sound": (lambda: _film("matroska", "libx264"), frozenset({"no_audio_track"})),
    "WebM without sound": (lambda: _film("webm", "libvpx"), frozenset({"no_audio_track"})),
    "MOV without sound": (lambda: _film("mov", "mpeg4"), frozenset({"no_audio_track"})),
    "WAV with 255 channels": (lambda: wav(channels=255, block_bytes=510), frozenset({"too_many_channels"})),
    "WAV with a rate of 2^31": (lambda: wav(rate_hz=2**31), _REFUSED | {"unsupported_rate"}),
    "WAV with a rate of 999 Hz": (lambda: wav(rate_hz=999), frozenset({"unsupported_rate"})),
    "WAV with a rate of 1 Hz": (lambda: wav(rate_hz=1), frozenset({"unsupported_rate"})),
    "WAV of -1e300": (lambda: float_wav(-1e300, "DOUBLE"), frozenset({"invalid_samples"})),
    "WAV of the largest float": (lambda: float_wav(3.4e38), frozenset({"invalid_samples"})),
    "WAV of 2^32": (lambda: float_wav(2.0**32), _WELL | {"invalid_samples"}),
    "WAV of the smallest float": (lambda: float_wav(1e-45), _WELL),
    "AIFF with a rate of 0": (lambda: _aiff_rate(bytes(10)), _REFUSED | {"unsupported_rate"}),
    "AIFF with a rate of 2^31": (lambda: _aiff_rate(b"\x40\x1e\x80" + bytes(7)), _REFUSED | {"unsupported_rate"}),
    "AIFF with 65535 channels": (lambda: _aiff_channels(65_535), _REFUSED | {"too_many_channels"}),
    "CAF with a rate of NaN": (lambda: _caf(20, struct.pack(">d", float("nan"))), _REFUSED | {"unsupported_rate"}),
    "CAF with a rate of -1": (lambda: _caf(20, struct.pack(">d", -1.0)), _REFUSED | {"unsupported_rate"}),
    "CAF with a rate of 1e308": (lambda: _caf(20, struct.pack(">d", 1e308)), _REFUSED | {"unsupported_rate"}),
    "CAF with 0 channels": (lambda: _caf(44, bytes(4)), _REFUSED),
    "CAF with 2^32 channels": (lambda: _caf(44, b"\xff" * 4), _REFUSED | {"too_many_channels"}),
    "RIFF in RIFF, a thousand deep": (lambda: _nested_riff(1000), _REFUSED),
    "WAV in a WAV": (lambda: b"RIFF\xff\xff\xff\xffWAVE" + sound("WAV PCM_16"), _REFUSED),
    "two recordings in one": (lambda: sound("FLAC 16") + sound("FLAC 16"), _WELL),
    "another codec half way": (lambda: sound("MP3, constant rate") + sound("MP2"), _WELL | {"not_decodable"}),
}  # fmt: skip


# With ten minutes allowed the claim is refused, and nobody sees that nothing is behind it.
_BY_A_STACK = {"FLAC of 110 bytes that claims an hour": {"too_long"}}


def recordings() -> Iterator[Case]:
    """Yield every one of them."""
    for family, table in (("lie", LIES), ("polyglot", POLYGLOTS)):
        for name, (build, ends) in table.items():
            yield Case(name, family, Door.UPLOAD, build, _ends(ends | _BY_A_STACK.get(name, set())))
    for name, content in PLAYLISTS.items():
        yield Case(name, "playlist", Door.UPLOAD, partial(bytes, content), frozenset({"unsupported"}))
    for family, more in (("bomb", _BOMBS), ("oddity", _OTHERS)):
        for name, (build, found) in more.items():
            yield Case(name, family, Door.UPLOAD, build, found)
    # Half of them: the tests of decoding damage all, in many more places.
    for name in STORED[::2]:
        yield Case(f"{name}, half of it", "cut", Door.UPLOAD, partial(_half, name), _ends(ENDS))
        yield Case(f"{name}, flipped bits", "damage", Door.UPLOAD, partial(_flipped, name), _ends(ENDS))


def _ends(decoded_as: set[str]) -> frozenset[str]:
    # What claims more than it has may claim more than a stack allows.
    more = {"too_long"} if "truncated" in decoded_as else set[str]()
    return frozenset(_TEXTS.get(end, end) for end in decoded_as | more)


def _half(name: str) -> Content:
    return sound(name)[: len(sound(name)) // 2]


def _flipped(name: str) -> Content:
    generator = np.random.default_rng(len(name))
    content = np.frombuffer(sound(name), dtype=np.uint8).copy()
    places = generator.integers(0, min(len(content), _HEADER_BYTES), _FLIPPED_BITS)
    content[places] ^= np.uint8(1) << generator.integers(0, 8, _FLIPPED_BITS, dtype=np.uint8)
    return content.tobytes()


def _chunks(size_bytes: int) -> Content:
    return bombs.stuffed(b"RIFF\xff\xff\xff\xffWAVE", b"junk\0\0\0\0", size_bytes=size_bytes)


def _retimed() -> Content:
    content = sound("M4A ALAC 16")
    at = content.index(b"stts") + 4
    return patched(content, at + 12, b"\xff\xff\xff\x7f")


def _tar() -> Content:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        entry = tarfile.TarInfo("../../birds.wav")
        entry.size = len(sound("WAV PCM_16"))
        archive.addfile(entry, io.BytesIO(sound("WAV PCM_16")))
    return target.getvalue()


def _film(container: str, codec: str) -> Content:
    with TemporaryDirectory(prefix="dawnchorus-") as folder:
        return mux(Path(folder) / "film", [], 48_000, codec="aac", container=container, video=codec).read_bytes()


def _aiff_rate(rate: bytes) -> Content:
    content = sound("AIFF PCM_16")
    return patched(content, content.index(b"COMM") + 16, rate)


def _aiff_channels(channels: int) -> Content:
    content = sound("AIFF PCM_16")
    return patched(content, content.index(b"COMM") + 8, struct.pack(">H", channels))


def _caf(at: int, new: bytes) -> Content:
    return patched(sound("CAF PCM_24"), at, new)


def _nested_riff(depth: int) -> Content:
    content = b""
    for _ in range(depth):
        content = b"RIFF" + struct.pack("<I", len(content) + 4) + b"WAVE" + content
    return content
