"""Every fault, put into real recordings, is found; without it they are green."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from services.analysis.recorder_health import Health, verdict
from services.analysis.steady_spectrum import CUT_OFF_BANDS
from tests.audio import transcode

from .signals import RATE_HZ, Floats, noise, payload, sine

CLEAN = (
    *("1min.wav", "birds_10s.wav", "rugr_drum.wav", "spinetail.wav", "metadata.wav", "audiomoth_gps.wav"),
    *("voice.flac", "voice.ogg", "snare_accelerate.ogg"),
)
NIGHT = "night/S4A03895_20190522_070000.wav"
pytestmark = pytest.mark.recordings


def load(path: Path) -> tuple[Floats, int]:
    """Return a real recording, (n, channels)."""
    channels, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return channels, rate_hz


@pytest.fixture(scope="module")
def forest(recordings: Path) -> tuple[Floats, int]:
    """A minute of a forest, its loudest sample at -6 dBFS."""
    channels, rate_hz = load(recordings / "1min.wav")
    return channels * np.float32(0.5 / np.abs(channels).max()), rate_hz


@pytest.mark.parametrize("name", CLEAN)
def test_clean_recordings_are_green(recordings: Path, name: str) -> None:
    found = payload("quality", *load(recordings / name))

    assert (found["health"]["value"], found["findings"]["values"]) == ("green", [])


def test_a_whole_night_of_one_recorder_has_its_offset_and_nothing_else(recordings: Path) -> None:
    for path in sorted((recordings / "night").glob("*.wav")):
        channels, rate_hz = load(path)

        assert payload("quality", channels, rate_hz)["findings"]["values"] == ["dc_offset"], path.name
        assert payload("quality", channels - channels.mean(), rate_hz)["health"]["value"] == "green", path.name


@pytest.mark.parametrize(("gain", "colour"), [(8.0, "amber"), (30.0, "red")])
@pytest.mark.parametrize("rail", [1.0, 0.4])
def test_clipping_is_found_at_full_scale_and_below(
    forest: tuple[Floats, int], gain: float, colour: str, rail: float
) -> None:
    channels, rate_hz = forest
    clipped = np.clip(channels * np.float32(gain), -1, 1) * np.float32(rail)

    found = payload("quality", clipped, rate_hz)

    assert found["findings"]["values"] == ["clipping"]
    assert found["health"]["value"] == colour
    runs = [*runs_at(clipped, np.float32(rail)), *runs_at(clipped, -np.float32(rail))]
    assert found["clipped_runs"]["value"] == len(runs)
    assert found["clipped_share"]["value"] == pytest.approx(sum(runs) / len(clipped))


@pytest.mark.parametrize(("offset", "colour"), [(0.02, "amber"), (-0.2, "red")])
def test_an_offset_is_found(forest: tuple[Floats, int], offset: float, colour: str) -> None:
    channels, rate_hz = forest

    found = payload("quality", channels + np.float32(offset), rate_hz)

    assert (found["health"]["value"], found["findings"]["values"]) == (colour, ["dc_offset"])
    assert found["dc_offset"]["value"] == pytest.approx(offset, abs=1e-3)


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("name", ["1min.wav", "spinetail.wav", NIGHT])
def test_hum_is_found_with_harmonics_and_without_and_by_its_frequency(
    recordings: Path, mains_hz: int, name: str
) -> None:
    channels, rate_hz = load(recordings / name)
    channels -= channels.mean()
    duration_s = len(channels) / rate_hz
    # The grid is never exact; half of the recording's RMS is plainly heard.
    peak = 0.7 * float(channels.std())
    fundamental = sine(mains_hz * 1.001, duration_s=duration_s, peak=peak, rate_hz=rate_hz)[: len(channels)]
    buzz = sum(
        sine(mains_hz * order * 1.001, duration_s=duration_s, peak=peak / 3, rate_hz=rate_hz)[: len(channels)]
        for order in (2, 3, 4, 6)
    )

    for hum in (fundamental, buzz):
        found = payload("quality", channels + np.asarray(hum)[:, np.newaxis], rate_hz)

        assert found["findings"]["values"] == ["hum"]
        assert found[f"hum_{mains_hz}_hz"]["value"] > found[f"hum_{110 - mains_hz}_hz"]["value"]


@pytest.mark.parametrize("fill", ["zeros", "last value"])
def test_dropouts_inside_sound_are_counted(forest: tuple[Floats, int], fill: str) -> None:
    channels, rate_hz = forest
    broken = channels.copy()
    length = round(0.01 * rate_hz)
    starts = [round(second * rate_hz) for second in (3.1, 17.7, 44.4)]
    for start in starts:
        broken[start : start + length] = 0 if fill == "zeros" else broken[start - 1]

    found = payload("quality", broken, rate_hz)

    assert (found["health"]["value"], found["findings"]["values"]) == ("amber", ["dropouts"])
    assert found["dropouts"]["value"] == 3
    assert found["dropped_share"]["value"] == pytest.approx(3 * length / len(broken), rel=0.01)


def test_silence_around_sound_is_no_dropout(forest: tuple[Floats, int]) -> None:
    channels, rate_hz = forest
    faded = channels * np.minimum(1, np.abs(np.linspace(-20, 20, len(channels), dtype=np.float32)[:, np.newaxis]) ** 2)
    nothing = np.zeros((rate_hz, 1), dtype=np.float32)
    digital = (np.concatenate([nothing, faded, nothing]) * 2**15).round() / np.float32(2**15)

    assert payload("quality", digital, rate_hz)["dropouts"]["value"] == 0


@pytest.mark.parametrize(
    ("second", "finding"),
    [
        (lambda first: np.zeros_like(first), ["dead_channel"]),
        (lambda first: first * np.float32(1e-4), ["dead_channel"]),
        (lambda first: -first, ["inverted_channel"]),
        (lambda first: np.roll(first, 37), []),
        (lambda first: first * np.float32(0.5), []),
    ],
    ids=["zeros", "80 dB below", "inverted", "later", "quieter"],
)
def test_a_dead_or_an_inverted_channel_is_found(
    forest: tuple[Floats, int], second: Callable[[Floats], Floats], finding: list[str]
) -> None:
    channels, rate_hz = forest
    first = channels[:, 0]

    found = payload("quality", np.stack([first, second(first)], axis=1), rate_hz)

    assert found["findings"]["values"] == finding
    assert found["health"]["value"] == ("red" if finding else "green")


def test_an_inverted_channel_among_eight_is_found(forest: tuple[Floats, int]) -> None:
    channels, rate_hz = forest
    eight = np.repeat(channels[: 10 * rate_hz], 8, axis=1)
    eight[:, 5] *= -1

    found = payload("quality", eight, rate_hz)

    assert found["findings"]["values"] == ["inverted_channel"]
    assert found["lowest_correlation"]["value"] == pytest.approx(-1)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
def test_noise_floor_and_signal_to_noise_are_those_of_the_mixture(rate_hz: int) -> None:
    quiet = noise(duration_s=20, deviation=0.001, rate_hz=rate_hz)
    loud = sine(rate_hz / 10, duration_s=2, peak=0.1, rate_hz=rate_hz)
    quiet[: len(loud)] += loud

    found = payload("quality", quiet, rate_hz)

    assert found["noise_floor"]["value"] == pytest.approx(-60, abs=0.4)
    assert found["snr"]["value"] == pytest.approx(-23.0 + 60, abs=0.7)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_end_of_the_spectrum_is_found(forest: tuple[Floats, int], share: float) -> None:
    channels, rate_hz = forest
    spectrum = np.fft.rfft(channels[:, 0])
    spectrum[round(share * len(spectrum)) :] = 0
    cut = (np.fft.irfft(spectrum) * 2**15).round() / 2**15

    found = payload("quality", cut.astype(np.float32), rate_hz)

    assert found["findings"]["values"] == ["cut_off"]
    assert found["bandwidth"]["value"] == pytest.approx(share * rate_hz / 2, abs=1.1 * rate_hz / 2 / CUT_OFF_BANDS)


def test_what_a_lossy_codec_cuts_off_is_found(recordings: Path, tmp_path: Path) -> None:
    source = tmp_path / "noise.wav"
    soundfile.write(source, noise(duration_s=10), RATE_HZ)

    found = payload("quality", *load(transcode(source, tmp_path / "noise.mp3")))

    assert "cut_off" in found["findings"]["values"]
    assert 14_000 < found["bandwidth"]["value"] < 20_500


def test_what_was_not_measured_is_not_judged() -> None:
    assert verdict({}) == (Health.GREEN, [])
    assert verdict({"hum": 16.0, "clipping": 0.5, "dc_offset": 0.0}) == (Health.RED, ["hum", "clipping"])


def test_faults_do_not_depend_on_the_blocks_that_samples_came_in(forest: tuple[Floats, int]) -> None:
    channels, rate_hz = forest
    broken = np.clip(channels[: 12 * rate_hz] * np.float32(4), -1, 1)
    broken[rate_hz : rate_hz + 1000] = broken[rate_hz]

    pieces = payload("quality", broken, rate_hz, block_frames=777)
    whole = payload("quality", broken, rate_hz, block_frames=10**6)

    for measure in ("clipped_share", "clipped_runs", "dropouts", "dropped_share", "findings", "hum_50_hz"):
        assert pieces[measure] == whole[measure]


def runs_at(samples: Floats, rail: np.float32) -> list[int]:
    """Return the lengths of the runs of three and more samples at a value."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], samples[:, 0] == rail, [False]])))
    lengths = edges[1::2] - edges[::2]
    return [int(length) for length in lengths if length >= 3]
