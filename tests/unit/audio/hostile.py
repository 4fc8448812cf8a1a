"""Recordings that lie, and what is no recording at all."""

import io
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from audio import errors
from tests.formats import KINDS, RATE_HZ

Content = bytes
REFUSED = {"not_decodable", "empty", "unsupported"}
CODES = {each.code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.AudioError)}
ENDS = CODES - {"audio"} | {"decoded", "truncated"}
# What is cut off and damaged.
STORED = [
    *("WAV PCM_16", "WAV IMA_ADPCM", "RF64 PCM_24", "W64 PCM_16", "AIFF PCM_24", "CAF ALAC", "FLAC 16"),
    *("OGG Vorbis", "OGG Opus", "OGG FLAC", "MP3, variable rate", "MP3 without a Xing tag", "AAC (ADTS)"),
    *("M4A AAC", "M4A ALAC 16", "MP4 AAC, fragmented", "MP4 video, AAC", "MKV video, FLAC", "WebM video, Opus"),
]


@cache
def sound(name: str) -> Content:
    """Return a second of noise, stored in one of the ways of `KINDS`."""
    noise = np.random.default_rng(1).uniform(-0.4, 0.4, (RATE_HZ, 2)).astype(np.float32)
    with TemporaryDirectory(prefix="dawnchorus-") as folder:
        return KINDS[name].write(Path(folder) / "noise", noise, RATE_HZ).read_bytes()


def patched(content: Content, at: int, new: Content) -> Content:
    return content[:at] + new + content[at + len(new) :]


def wav(**fields: int) -> Content:
    """Return a WAV of 16-bit noise with other fields in its chunk `fmt `: channels, rate_hz, block_bytes, bits, tag."""
    places = {"tag": (20, "<H"), "channels": (22, "<H"), "rate_hz": (24, "<I"), "block_bytes": (32, "<H")}
    places |= {"bits": (34, "<H"), "riff_bytes": (4, "<I"), "fmt_bytes": (16, "<I"), "data_bytes": (40, "<I")}
    content = sound("WAV PCM_16")
    for name, number in fields.items():
        at, code = places[name]
        content = patched(content, at, struct.pack(code, number))
    return content


def float_wav(sample: float, subtype: str = "FLOAT") -> Content:
    samples = np.zeros((RATE_HZ, 1))
    samples[RATE_HZ // 2] = sample
    target = io.BytesIO()
    soundfile.write(target, samples, RATE_HZ, format="WAV", subtype=subtype)
    return target.getvalue()


def flac_claiming(frames: int) -> Content:
    content = sound("FLAC 16")
    packed = int.from_bytes(content[21:26], "big") >> 36 << 36 | frames
    return patched(content, 21, packed.to_bytes(5, "big"))


def box(name: bytes, body: bytes) -> Content:
    return struct.pack(">I", 8 + len(body)) + name + body


def mp4_patched(name: bytes, offset: int, new: Content) -> Content:
    """Return an M4A with other bytes in the first box of that name, `offset` behind the name."""
    content = sound("M4A AAC")
    return patched(content, content.index(name) + 4 + offset, new)


def protected(kind: bytes, scheme: bytes) -> Content:
    """Return an M4A whose sample entry says that its packets are encrypted."""
    content = sound("M4A AAC")
    at = content.index(b"mp4a", content.index(b"stsd"))
    entry_bytes = struct.unpack_from(">I", content, at - 4)[0]
    key = box(b"tenc", bytes(6) + b"\1\x08" + bytes(range(16)))
    info = box(b"sinf", box(b"frma", b"mp4a") + box(b"schm", bytes(4) + scheme + bytes(4)) + box(b"schi", key))
    end = at - 4 + entry_bytes
    content = content[:at] + kind + content[at + 4 : end] + info + content[end:]
    for outer in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        place = content.index(outer) - 4
        size = struct.unpack_from(">I", content, place)[0]
        content = patched(content, place, struct.pack(">I", size + len(info)))
    return patched(content, at - 4, struct.pack(">I", entry_bytes + len(info)))


def elsewhere() -> Content:
    """Return a MOV whose samples are said to lie in another file."""
    content = sound("MOV video, PCM_24").replace(b"url \0\0\0\1", b"url \0\0\0\0")
    return content[: content.index(b"mdat") + 4] + content[content.index(b"moov") - 4 :]


def nested_boxes(depth: int) -> Content:
    content = b""
    for _ in range(depth):
        content = box(b"moov", content)
    return box(b"ftyp", b"M4A \0\0\0\0") + content


def zip_bomb() -> Content:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("birds.wav", bytes(20_000_000))
    return target.getvalue()


def xing_claiming(frames: int) -> Content:
    content = sound("MP3, variable rate")
    at = content.index(b"Xing") if b"Xing" in content else content.index(b"Info")
    return patched(content, at + 8, struct.pack(">I", frames))


_ID3_OF_256_MB = b"ID3\4\0\0\x7f\x7f\x7f\x7f"
_WAVE_CHUNK = b"RIFF\xff\xff\xff\xffWAVE"
_NAN_RATE = b"\x7f\xff" + b"\xff" * 8
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

LIES: dict[str, tuple[Callable[[], Content], set[str]]] = {
    "FLAC of 110 bytes that claims 2^36 samples": (lambda: flac_claiming(2**36 - 1)[:110], {"too_long"}),
    "FLAC that claims 2^36 samples": (lambda: flac_claiming(2**36 - 1), {"too_long"}),
    "FLAC that claims an hour": (lambda: flac_claiming(3600 * RATE_HZ), {"truncated"}),
    "FLAC that claims one sample": (lambda: flac_claiming(1), {"decoded"}),
    "FLAC of 110 bytes that claims an hour": (lambda: flac_claiming(3600 * RATE_HZ)[:110], REFUSED),
    "FLAC with a rate of 0, its frames with 48 kHz": (
        lambda: patched(sound("FLAC 16"), 18, b"\0\0\x02"),
        {"decoded"},
    ),
    "M4A with a tag in another alphabet": (
        lambda: sound("M4A AAC").replace(b"Lavf", b"\xe4\xf6\xfcf"),
        {"decoded"},
    ),
    "FLAC, blocks of 0": (lambda: patched(sound("FLAC 16"), 8, bytes(4)), REFUSED | {"decoded"}),
    "WAV with RIFF size 0": (lambda: wav(riff_bytes=0), {"decoded"}),
    "WAV with data size 2 GB": (lambda: wav(data_bytes=0x7FFE0000), {"truncated"}),
    "WAV with data size 4 GB": (lambda: wav(data_bytes=0xFFFFFFFF), {"decoded"}),
    "WAV with fmt size 4 GB": (lambda: wav(fmt_bytes=0xFFFFFFFF), REFUSED),
    "WAV with fmt size 0": (lambda: wav(fmt_bytes=0), REFUSED),
    "WAV with 0 channels": (lambda: wav(channels=0), REFUSED),
    "WAV with 33 channels": (lambda: wav(channels=33, block_bytes=66), {"too_many_channels"}),
    "WAV with 65535 channels": (lambda: wav(channels=65535), REFUSED | {"too_many_channels"}),
    "WAV with a rate of 0": (lambda: wav(rate_hz=0), REFUSED | {"unsupported_rate"}),
    "WAV with a rate of 4 GHz": (lambda: wav(rate_hz=2**32 - 1), REFUSED | {"unsupported_rate"}),
    "WAV with frames of 0 bytes": (lambda: wav(block_bytes=0), REFUSED | {"decoded"}),
    "WAV with 0 bits": (lambda: wav(bits=0), REFUSED),
    "WAV with 65535 bits": (lambda: wav(bits=65535), REFUSED),
    "WAV of an unknown codec": (lambda: wav(tag=0x1234), REFUSED),
    "WAV of a million chunks": (lambda: _WAVE_CHUNK + b"junk\0\0\0\0" * 1_000_000, REFUSED),
    "WAV of NaN": (lambda: float_wav(np.nan), {"invalid_samples"}),
    "WAV of infinity": (lambda: float_wav(-np.inf), {"invalid_samples"}),
    "WAV of 1e300": (lambda: float_wav(1e300, "DOUBLE"), {"invalid_samples"}),
    "RF64 of 2^63 bytes": (
        lambda: patched(sound("RF64 PCM_24"), 28, b"\xff" * 7 + b"\x7f"),
        REFUSED | {"too_long", "truncated"},
    ),
    "W64 of 2^63 bytes": (lambda: patched(sound("W64 PCM_16"), 16, b"\xff" * 7 + b"\x7f"), REFUSED | {"decoded"}),
    "AIFF with a rate that is no number": (
        lambda: patched(sound("AIFF PCM_16"), sound("AIFF PCM_16").index(b"COMM") + 16, _NAN_RATE),
        REFUSED | {"unsupported_rate"},
    ),
    "AIFF with 0 channels": (
        lambda: patched(sound("AIFF PCM_16"), sound("AIFF PCM_16").index(b"COMM") + 8, bytes(2)),
        REFUSED,
    ),
    "CAF with a data chunk of 2^62 bytes": (
        lambda: patched(sound("CAF PCM_24"), sound("CAF PCM_24").index(b"data") + 4, b"\x40" + bytes(7)),
        REFUSED | {"decoded", "truncated", "too_long"},
    ),
    "OGG whose last page is at 2^62": (
        lambda: patched(sound("OGG Vorbis"), sound("OGG Vorbis").rindex(b"OggS") + 6, b"\0" * 7 + b"\x40"),
        REFUSED | {"decoded", "truncated", "too_long"},
    ),
    "MP3 whose Xing tag claims 2^32 frames": (lambda: xing_claiming(2**32 - 1), {"too_long"}),
    "MP3 in an ID3 tag of 256 MB": (lambda: _ID3_OF_256_MB + sound("MP3, variable rate"), REFUSED),
    "M4A with 2^32 samples": (lambda: mp4_patched(b"stsz", 8, b"\xff" * 4), REFUSED | {"decoded", "truncated"}),
    "M4A with 2^32 chunks": (lambda: mp4_patched(b"stco", 4, b"\xff" * 4), REFUSED | {"decoded", "truncated"}),
    "M4A of 2^32 units": (lambda: mp4_patched(b"mdhd", 16, b"\xff" * 4), {"decoded", "truncated", "too_long"}),
    "M4A with a time scale of 0": (lambda: mp4_patched(b"mdhd", 12, bytes(4)), REFUSED | {"decoded", "truncated"}),
    "M4A whose first box has 2^64 bytes": (lambda: b"\0\0\0\1ftyp" + b"\xff" * 8 + sound("M4A AAC"), REFUSED),
    "M4A of ten thousand nested boxes": (lambda: nested_boxes(10_000), REFUSED),
    "M4P (drms)": (lambda: protected(b"drms", b"itun"), {"not_decodable"}),
    "MP4 with common encryption (enca)": (lambda: protected(b"enca", b"cenc"), {"not_decodable"}),
    "MOV whose samples are elsewhere": (elsewhere, REFUSED | {"no_audio_track"}),
    "Matroska of endless size": (lambda: sound("MKA Opus")[:4] + b"\x01" + b"\xff" * 7, REFUSED | {"no_audio_track"}),
}
POLYGLOTS: dict[str, tuple[Callable[[], Content], set[str]]] = {
    "zip bomb named WAV": (zip_bomb, {"unsupported"}),
    "WAV with a zip behind it": (lambda: sound("WAV PCM_16") + zip_bomb(), {"decoded"}),
    "MP3 with a page of HTML behind it": (
        lambda: sound("MP3, constant rate") + b"<html>" * 1000,
        {"decoded", "truncated"},
    ),
    "PNG with a WAV behind it": (lambda: _PNG + sound("WAV PCM_16"), {"unsupported"}),
    "PDF with an MP3 in it": (lambda: b"%PDF-1.7\n" + sound("MP3, constant rate"), {"unsupported"}),
    "program": (lambda: b"\x7fELF\2\1\1" + bytes(5000), {"unsupported"}),
    "FLAC in the skin of a WAV": (lambda: _WAVE_CHUNK + sound("FLAC 16"), REFUSED),
    "noise in the skin of an OGG": (lambda: b"OggS" + np.random.default_rng(1).bytes(50_000), REFUSED),
    "noise in the skin of a Matroska": (
        lambda: b"\x1a\x45\xdf\xa3" + np.random.default_rng(1).bytes(50_000),
        REFUSED | {"no_audio_track"},
    ),
}
PLAYLISTS: dict[str, Content] = {
    "M3U": b"#EXTM3U\nfile:///etc/passwd\n",
    "M3U behind a mark of byte order": b"\xef\xbb\xbf#EXTM3U\nhttp://127.0.0.1:9/a.mp3\n",
    "HLS": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "PLS": b"[playlist]\nFile1=http://127.0.0.1:9/a.mp3\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "DASH": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>\n',
    "XSPF": b"<playlist><trackList><track><location>file:///etc/passwd</location></track></trackList></playlist>",
    "URL": b"http://127.0.0.1:9/a.wav\n",
}
