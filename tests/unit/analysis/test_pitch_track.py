"""The pitch track is Viterbi's, although only its newest frames are in memory."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.analysis import pitch_track
from services.analysis.pitch_track import UNVOICED, PitchTracker

Doubles = NDArray[np.float64]


@given(seed=st.integers(0, 2**32), bins=st.integers(2, 40), reach=st.integers(1, 45), voicing=st.integers(0, 5))
@settings(max_examples=40)
def test_the_track_is_librosas_viterbi_of_the_whole(seed: int, bins: int, reach: int, voicing: int) -> None:
    random = np.random.default_rng(seed)
    probability = observations(random, frames=900, bins=bins, voicing=voicing)

    track, _ = tracked(probability, reach=reach, frames_at_once=int(random.integers(1, 200)))

    np.testing.assert_array_equal(track, viterbi(probability, reach))


def test_paths_that_differ_for_long_are_kept_apart_without_the_values_of_their_frames() -> None:
    probability = one_weak_sound(frames=5000)

    track, tracker = tracked(probability, reach=2)

    np.testing.assert_array_equal(track, viterbi(probability, 2))
    assert tracker.forced_frames == 0
    assert longest_wait(probability) > 4000


def test_a_decision_is_forced_when_half_an_hour_of_frames_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pitch_track, "UNDECIDED_MAX", 1024)

    track, tracker = tracked(one_weak_sound(frames=5000), reach=2)

    assert len(track) == 5000
    assert tracker.forced_frames >= 512
    assert set(track.tolist()) <= {UNVOICED, 2}


def test_a_recording_without_frames_has_no_track() -> None:
    assert len(PitchTracker(bins=10, reach=2).finish()) == 0


def observations(random: np.random.Generator, *, frames: int, bins: int, voicing: int) -> Doubles:
    """Return nothing at all, or bins that are observed with any probability up to certainty."""
    probability = np.zeros((frames, bins))
    for frame in range(frames):
        observed = random.choice(bins, min(bins, voicing), replace=False)
        weights = random.choice([0, 1e-300, 1e-20, 0.01, 0.3, 1], len(observed)) * random.choice([0.0, 0.5, 1.0])
        probability[frame, observed] = weights / max(1.0, weights.sum())
    return probability


def one_weak_sound(*, frames: int) -> Doubles:
    """Return ten frames of weak voicing, and silence around them.

    The best path to the bins at one end leads through them, that to the other end does not.
    """
    probability = np.zeros((frames, 40))
    probability[400:410, 2] = 0.2
    return probability


def tracked(probability: Doubles, *, reach: int, frames_at_once: int = 64) -> tuple[NDArray[np.int16], PitchTracker]:
    tracker = PitchTracker(bins=probability.shape[1], reach=reach)
    voiced = np.clip(probability.sum(axis=1), 0, 1)
    starts = range(0, len(probability), frames_at_once)
    pieces = [tracker.push(probability[i : i + frames_at_once], voiced[i : i + frames_at_once]) for i in starts]
    return np.concatenate([*pieces, tracker.finish()]), tracker


def longest_wait(probability: Doubles) -> int:
    tracker = PitchTracker(bins=probability.shape[1], reach=2)
    decided = tracker.push(probability, np.clip(probability.sum(axis=1), 0, 1))
    return len(probability) - len(decided)


def viterbi(probability: Doubles, reach: int) -> NDArray[np.int64]:
    bins = probability.shape[1]
    distance = np.abs(np.arange(bins)[:, np.newaxis] - np.arange(bins))
    local = np.maximum(0, (reach + 1 - distance) / (reach + 1))
    local /= local.sum(axis=1, keepdims=True)
    voiced = np.clip(probability.sum(axis=1), 0, 1)
    unvoiced = np.repeat(((1 - voiced) / bins)[:, np.newaxis], bins, axis=1)
    states = librosa.sequence.viterbi(
        np.concatenate([probability, unvoiced], axis=1).T,
        np.kron(librosa.sequence.transition_loop(2, 0.99), local),
        p_init=np.full(2 * bins, 1 / (2 * bins)),
    )
    return np.where(states < bins, states.astype(np.int64), UNVOICED)
