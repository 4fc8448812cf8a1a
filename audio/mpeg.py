"""MPEG audio and ADTS frame headers: enough to recognise them, and MP3's own count of its frames."""

from dataclasses import dataclass

HEADER_BYTES = 4
ADTS_HEADER_BYTES = 7
_MPEG1 = 3
_LAYER3 = 1
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBPS_MPEG1_LAYER2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_KBPS_MPEG1_LAYER3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True, slots=True)
class MpegHeader:
    """One frame header of MPEG audio, layer II or III."""

    version: int
    layer: int
    rate_hz: int
    size_bytes: int
    samples: int
    side_info_bytes: int

    def continues(self, first: "MpegHeader") -> bool:
        return (self.version, self.layer, self.rate_hz) == (first.version, first.layer, first.rate_hz)


def mpeg_header(head: bytes) -> MpegHeader | None:
    """Read the frame header at the start of `head` (ISO/IEC 11172-3, 2.4.2.3), or None where there is none."""
    if len(head) < HEADER_BYTES or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate_index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    # Layer I (3) is left out: nobody records it, and its pattern is the byte order mark of UTF-16 text.
    if version not in _RATES_HZ or layer not in (1, 2) or bitrate_index in (0, 15) or rate_index == 3:
        return None
    rate_hz = _RATES_HZ[version][rate_index]
    samples = 576 if layer == _LAYER3 and version != _MPEG1 else 1152
    kbps = _kbps_table(version, layer)[bitrate_index - 1]
    size_bytes = samples // 8 * kbps * 1000 // rate_hz + padding
    return MpegHeader(
        version, layer, rate_hz, size_bytes, samples, _side_info_bytes(version, is_mono=head[3] >> 6 == 3)
    )


def is_mpeg_audio(head: bytes) -> bool:
    """Say whether `head` starts with a frame, and another one follows where the first one ends."""
    first = mpeg_header(head)
    if first is None:
        return False
    following = head[first.size_bytes :]
    if len(following) < HEADER_BYTES:
        return True
    second = mpeg_header(following)
    return second is not None and second.continues(first)


def is_adts(head: bytes) -> bool:
    """Say whether `head` starts with an ADTS frame (ISO/IEC 13818-7, 6.2), and another one follows it."""
    size_bytes = _adts_frame_bytes(head)
    if size_bytes is None:
        return False
    following = head[size_bytes:]
    return len(following) < ADTS_HEADER_BYTES or _adts_frame_bytes(following) is not None


def xing_frames(head: bytes) -> int | None:
    """Return the samples per channel that the Xing or Info tag of the first frame promises, or None.

    LAME's extension also says how many of them are encoder delay and padding; they are taken off.
    """
    first = mpeg_header(head)
    if first is None:
        return None
    tag = head[HEADER_BYTES + first.side_info_bytes : first.size_bytes]
    if tag[:4] not in (b"Xing", b"Info") or len(tag) < 12 or not tag[7] & 1:
        return None
    frames = int.from_bytes(tag[8:12], "big")
    return max(0, frames * first.samples - _lame_gap(tag))


def _lame_gap(tag: bytes) -> int:
    flags = tag[7]
    start = 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    extension = tag[start : start + 24]
    if len(extension) < 24 or extension[:4] not in (b"LAME", b"Lavf", b"Lavc"):
        return 0
    packed = int.from_bytes(extension[21:24], "big")
    return (packed >> 12) + (packed & 0xFFF)


def _kbps_table(version: int, layer: int) -> tuple[int, ...]:
    if version != _MPEG1:
        return _KBPS_MPEG2
    return _KBPS_MPEG1_LAYER3 if layer == _LAYER3 else _KBPS_MPEG1_LAYER2


def _side_info_bytes(version: int, *, is_mono: bool) -> int:
    if version == _MPEG1:
        return 17 if is_mono else 32
    return 9 if is_mono else 17


def _adts_frame_bytes(head: bytes) -> int | None:
    if len(head) < ADTS_HEADER_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate_index = head[2] >> 2 & 15
    size_bytes = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return size_bytes if rate_index < 13 and size_bytes > ADTS_HEADER_BYTES else None
