"""What FFmpeg's libraries can write: any audio codec in any container, with pictures or several tracks if wanted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

_OPUS_RATE_HZ = 48_000
_PICTURE_PX = 32
_PICTURES_PER_S = 10
# Of its own, FFmpeg's Vorbis encoder is called experimental.
_CODEC_OPTIONS = {"vorbis": {"strict": "experimental"}}

Signal = npt.NDArray[np.float32]


def mux(
    target: Path,
    tracks: Sequence[Signal],
    rate_hz: int,
    *,
    codec: str,
    container: str | None = None,
    video: str | None = None,
    default_track: int | None = None,
    sample_format: str | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write tracks of (n, channels) in [-1, 1]; without tracks, a film without sound.

    video  the codec of a second of pictures in front of the tracks, None for none
    """
    with av.open(target, "w", format=container, options=dict(container_options or {})) as output:
        pictures = None if video is None else _video_stream(output, video)
        streams = [_audio_stream(output, codec, track, rate_hz, sample_format, options or {}) for track in tracks]
        if default_track is not None:
            for number, stream in enumerate(streams):
                stream.disposition = av.stream.Disposition(int(number == default_track))
        if pictures is not None:
            _write_pictures(output, pictures)
        for stream, track in zip(streams, tracks, strict=True):
            _write_sound(output, stream, track, rate_hz)
    return target


def _video_stream(output: OutputContainer, codec: str) -> VideoStream:
    stream = cast("VideoStream", output.add_stream(codec, rate=_PICTURES_PER_S))
    stream.width, stream.height, stream.pix_fmt = _PICTURE_PX, _PICTURE_PX, "yuv420p"
    return stream


def _audio_stream(
    output: OutputContainer,
    codec: str,
    track: Signal,
    rate_hz: int,
    sample_format: str | None,
    options: Mapping[str, str],
) -> AudioStream:
    coded_hz = _OPUS_RATE_HZ if codec == "libopus" else rate_hz
    stream = output.add_stream(
        codec, rate=coded_hz, layout=_layout(track), options=_CODEC_OPTIONS.get(codec, {}) | dict(options)
    )
    stream = cast("AudioStream", stream)
    names = [each.name for each in stream.codec_context.codec.audio_formats or ()]
    stream.format = sample_format or ("fltp" if "fltp" in names else names[0])
    return stream


def _write_pictures(output: OutputContainer, stream: VideoStream) -> None:
    for number in range(_PICTURES_PER_S):
        picture = av.VideoFrame(_PICTURE_PX, _PICTURE_PX, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes([25 * number]) * plane.buffer_size)
        picture.pts = number
        output.mux(stream.encode(picture))
    output.mux(stream.encode(None))


def _write_sound(output: OutputContainer, stream: AudioStream, track: Signal, rate_hz: int) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(track.T), format="fltp", layout=_layout(track))
    frame.rate, frame.pts = rate_hz, 0
    resampler = av.AudioResampler(format=stream.format, layout=_layout(track), rate=stream.rate)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(piece))
    output.mux(stream.encode(None))


def _layout(track: Signal) -> str:
    return "mono" if track.shape[1] == 1 else "stereo"
