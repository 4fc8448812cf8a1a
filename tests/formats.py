"""Every kind of recording we say we read, and how to write one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile

from audio.format import Container
from tests.muxing import Signal, mux

RATE_HZ = 48_000
# libsndfile's Vorbis encoder puts a whole write on the stack.
_CHUNK = 2**16

Write = Callable[[Path, Signal, int], Path]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to store a recording, and what its probe shall say of it.

    bit_depth   None where the codec has none, or does not tell
    """

    name: str
    container: Container
    codec: str
    bit_depth: int | None
    write: Write


def _sndfile(container: str, subtype: str, **options: object) -> Write:
    def write(target: Path, samples: Signal, rate_hz: int) -> Path:
        shape = (rate_hz, samples.shape[1])
        with soundfile.SoundFile(target, "w", *shape, format=container, subtype=subtype, **options) as output:
            for start in range(0, len(samples), _CHUNK):
                output.write(samples[start : start + _CHUNK])
        return target

    return write


def _libav(container: str, codec: str, **options: object) -> Write:
    def write(target: Path, samples: Signal, rate_hz: int) -> Path:
        return partial(mux, **options)(target, [samples], rate_hz, codec=codec, container=container)

    return write


def _wav() -> list[Kind]:
    codecs = {"PCM_U8": ("pcm_u8", 8), "PCM_16": ("pcm_s16", 16), "PCM_24": ("pcm_s24", 24), "PCM_32": ("pcm_s32", 32)}
    codecs |= {"FLOAT": ("pcm_f32", 32), "DOUBLE": ("pcm_f64", 64), "ULAW": ("ulaw", 8), "ALAW": ("alaw", 8)}
    coded = {"IMA_ADPCM": "ima_adpcm", "MS_ADPCM": "ms_adpcm"}
    found = [Kind(f"WAV {subtype}", Container.WAV, *codecs[subtype], _sndfile("WAV", subtype)) for subtype in codecs]
    found += [Kind(f"WAV {each}", Container.WAV, coded[each], None, _sndfile("WAV", each)) for each in coded]
    return [
        *found,
        Kind("WAV PCM_16, extensible", Container.WAV, "pcm_s16", 16, _sndfile("WAVEX", "PCM_16")),
        Kind("WAV PCM_16, big-endian (RIFX)", Container.WAV, "pcm_s16", 16, _sndfile("WAV", "PCM_16", endian="BIG")),
        Kind("WAV MP3", Container.WAV, "mp3", None, _libav("wav", "libmp3lame")),
        Kind("RF64 PCM_24", Container.WAV, "pcm_s24", 24, _sndfile("RF64", "PCM_24")),
        Kind("W64 PCM_16", Container.W64, "pcm_s16", 16, _sndfile("W64", "PCM_16")),
    ]


def _aiff_and_caf() -> list[Kind]:
    little = _sndfile("AIFF", "PCM_16", endian="LITTLE")
    return [
        Kind("AIFF PCM_16", Container.AIFF, "pcm_s16", 16, _sndfile("AIFF", "PCM_16")),
        Kind("AIFF PCM_24", Container.AIFF, "pcm_s24", 24, _sndfile("AIFF", "PCM_24")),
        Kind("AIFF-C FLOAT", Container.AIFF, "pcm_f32", 32, _sndfile("AIFF", "FLOAT")),
        Kind("AIFF-C ULAW", Container.AIFF, "ulaw", 8, _sndfile("AIFF", "ULAW")),
        Kind("AIFF-C PCM_16, little-endian (sowt)", Container.AIFF, "pcm_s16", 16, little),
        Kind("CAF PCM_24", Container.CAF, "pcm_s24", 24, _sndfile("CAF", "PCM_24")),
        Kind("CAF ALAC", Container.CAF, "alac", None, _sndfile("CAF", "ALAC_16")),
    ]


def _flac_and_ogg() -> list[Kind]:
    return [
        Kind("FLAC 16", Container.FLAC, "flac", 16, _sndfile("FLAC", "PCM_16")),
        Kind("FLAC 24", Container.FLAC, "flac", 24, _sndfile("FLAC", "PCM_24")),
        Kind("OGG Vorbis", Container.OGG, "vorbis", None, _sndfile("OGG", "VORBIS")),
        Kind("OGG Opus", Container.OGG, "opus", None, _libav("ogg", "libopus")),
        Kind("OGG FLAC", Container.OGG, "flac", 16, _libav("ogg", "flac")),
    ]


def _mpeg() -> list[Kind]:
    plain = _libav("mp3", "libmp3lame", container_options={"write_xing": "0"})
    return [
        Kind("MP3, constant rate", Container.MP3, "mp3", None, _sndfile("MP3", "MPEG_LAYER_III", **_rate("CONSTANT"))),
        Kind("MP3, variable rate", Container.MP3, "mp3", None, _sndfile("MP3", "MPEG_LAYER_III", **_rate("VARIABLE"))),
        Kind("MP3 without a Xing tag", Container.MP3, "mp3", None, plain),
        Kind("MP2", Container.MP3, "mp2", None, _libav("mp2", "mp2")),
        Kind("AAC (ADTS)", Container.ADTS, "aac", None, _libav("adts", "aac")),
    ]


def _rate(mode: str) -> dict[str, object]:
    return {"bitrate_mode": mode, "compression_level": 0.5}


def _mp4() -> list[Kind]:
    fragmented = _libav("mp4", "aac", container_options={"movflags": "frag_keyframe+empty_moov"})
    deep = _libav("ipod", "alac", sample_format="s32p")
    return [
        Kind("M4A AAC", Container.MP4, "aac", None, _libav("ipod", "aac")),
        Kind("M4A ALAC 16", Container.MP4, "alac", None, _libav("ipod", "alac", sample_format="s16p")),
        Kind("M4A ALAC 24", Container.MP4, "alac", None, deep),
        Kind("MP4 AAC, fragmented", Container.MP4, "aac", None, fragmented),
        Kind("MP4 Opus", Container.MP4, "opus", None, _libav("mp4", "libopus")),
        Kind("MP4 video, AAC", Container.MP4, "aac", None, _libav("mp4", "aac", video="libx264")),
        Kind("MOV video, AAC", Container.MP4, "aac", None, _libav("mov", "aac", video="mpeg4")),
        Kind("MOV video, PCM_24", Container.MP4, "pcm_s24", 24, _libav("mov", "pcm_s24le", video="mpeg4")),
    ]


def _matroska() -> list[Kind]:
    return [
        Kind("MKA Opus", Container.MATROSKA, "opus", None, _libav("matroska", "libopus")),
        Kind("MKV video, AAC", Container.MATROSKA, "aac", None, _libav("matroska", "aac", video="libx264")),
        Kind("MKV video, FLAC", Container.MATROSKA, "flac", 16, _libav("matroska", "flac", video="mpeg4")),
        Kind("MKV video, PCM_16", Container.MATROSKA, "pcm_s16", 16, _libav("matroska", "pcm_s16le", video="mpeg4")),
        Kind("WebM video, Opus", Container.MATROSKA, "opus", None, _libav("webm", "libopus", video="libvpx")),
        Kind("WebM video, Vorbis", Container.MATROSKA, "vorbis", None, _libav("webm", "vorbis", video="libvpx-vp9")),
    ]


KINDS = {each.name: each for each in (*_wav(), *_aiff_and_caf(), *_flac_and_ogg(), *_mpeg(), *_mp4(), *_matroska())}
