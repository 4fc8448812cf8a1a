import pickle

import pytest

from audio.errors import (
    AudioError,
    EmptyRecordingError,
    InvalidSamplesError,
    NoAudioTrackError,
    NotDecodableError,
    TooLargeError,
    TooLongError,
    TooManyChannelsError,
    UnsupportedError,
    UnsupportedRateError,
)

EVERY_ERROR = [
    EmptyRecordingError(),
    TooLargeError(100_000_000),
    UnsupportedError("text"),
    NotDecodableError("flac", "lost sync"),
    NoAudioTrackError("mp4"),
    TooLongError(100_000.0, 90_000.0),
    TooManyChannelsError(40, 32),
    UnsupportedRateError(500, 1000, 768_000),
    InvalidSamplesError(1.5),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.code)
def test_an_error_survives_the_way_between_processes(error: AudioError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_every_error_has_its_own_code_and_next_step() -> None:
    assert len({error.code for error in EVERY_ERROR}) == len(EVERY_ERROR)
    assert all(type(error).next_step != AudioError.next_step for error in EVERY_ERROR)
