"""What colours alone can show of a stored image, held against renderings of their own."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from audio.decode import AudioLimits, Container
from contracts.documents import SpectrogramDocument, StoredImage
from contracts.palettes import palette
from contracts.recolour import TEXT_KEY, recoloured
from contracts.rendering import ENGINE_VERSION, RenderParameters
from contracts.vocabulary import State
from services.gateway.colouring import Colouring, best_shown, colouring
from services.spectrogram.png import palette_png
from services.spectrogram.render import Rendering, render
from tests.audio import Signal, tone, write

DEFAULT = RenderParameters()


@pytest.mark.parametrize(
    "wanted",
    [RenderParameters(palette="magma"), RenderParameters(palette="gray_r"), RenderParameters(palette="cividis")],
)
def test_another_palette_gives_the_bytes_of_a_rendering_of_its_own(tmp_path: Path, wanted: RenderParameters) -> None:
    recording = write(tmp_path / "sweep.wav", _sweep())
    stored, own = _render(recording, DEFAULT), _render(recording, wanted)

    found = _colouring(stored, DEFAULT, wanted)

    assert found.step_db is None
    for size in ("thumbnail", "standard", "full"):
        assert _coloured(stored, size, found) == own.images[size].png


@pytest.mark.parametrize(
    ("drawn", "wanted"),
    [
        (DEFAULT, RenderParameters(palette="gray", floor_db=-60)),
        (DEFAULT, RenderParameters(palette="gray", floor_db=-70, ceiling_db=-15)),
        (DEFAULT, RenderParameters(palette="gray", floor_db=-80, ceiling_db=10)),
        (DEFAULT, RenderParameters(palette="gray", floor_db=-75, ceiling_db=0, reference="full_scale")),
        (RenderParameters(reference="full_scale", floor_db=-120), RenderParameters(palette="gray", floor_db=-90)),
    ],
)
def test_a_range_that_is_there_differs_from_a_rendering_of_its_own_by_half_a_step(
    tmp_path: Path, drawn: RenderParameters, wanted: RenderParameters
) -> None:
    recording = write(tmp_path / "sweep.wav", _sweep())
    stored, own = _render(recording, drawn), _render(recording, wanted)

    found = _colouring(stored, drawn, wanted)

    assert found.step_db == pytest.approx((drawn.ceiling_db - drawn.floor_db) / 255)
    shown, exact = _grays(_coloured(stored, "full", found)), _grays(own.images["full"].png)
    colours_per_step = found.step_db * 255 / (wanted.ceiling_db - wanted.floor_db)
    assert np.abs(shown - exact).max() <= colours_per_step / 2 + 1


@pytest.mark.parametrize(
    ("drawn", "wanted"),
    [
        (DEFAULT, RenderParameters(floor_db=-81)),
        (DEFAULT, RenderParameters(floor_db=-95, ceiling_db=0, reference="full_scale")),
        (RenderParameters(ceiling_db=-20), RenderParameters(ceiling_db=-10)),
        (RenderParameters(ceiling_db=-20), DEFAULT),
        (RenderParameters(reference="full_scale", ceiling_db=-30), DEFAULT),
    ],
)
def test_levels_that_were_not_kept_are_not_made_up(drawn: RenderParameters, wanted: RenderParameters) -> None:
    assert colouring(drawn, wanted, -12.0) is None


@pytest.mark.parametrize("parameters", [DEFAULT, RenderParameters(pcen=True)])
def test_silence_and_pcen_know_no_range(tmp_path: Path, parameters: RenderParameters) -> None:
    samples = np.zeros((44_100, 1), np.float32) if not parameters.pcen else _sweep()
    recording = write(tmp_path / "some.wav", samples)
    wanted = parameters.model_copy(update={"floor_db": -120.0, "palette": "inferno"})
    stored, own = _render(recording, parameters), _render(recording, wanted)

    found = _colouring(stored, parameters, wanted)

    assert found.step_db is None
    shown, exact = (
        np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        for png in (_coloured(stored, "standard", found), own.images["standard"].png)
    )
    np.testing.assert_array_equal(shown, exact)


def test_the_finest_of_several_renderings_is_shown() -> None:
    coarse = _document(RenderParameters(floor_db=-120))
    fine, other = _document(RenderParameters(floor_db=-70)), _document(RenderParameters(floor_db=-50))

    found = best_shown([coarse, fine, other], RenderParameters(floor_db=-60), exact=False)

    assert found is not None
    assert found.task is fine


def test_where_only_the_very_pixels_will_do_a_palette_may_still_change() -> None:
    akin = [_document(DEFAULT)]

    narrower = best_shown(akin, RenderParameters(floor_db=-60), exact=True)
    coloured = best_shown(akin, RenderParameters(palette="gray"), exact=True)

    assert narrower is None
    assert coloured is not None


def test_a_document_tells_what_is_shown() -> None:
    found = best_shown([_document(DEFAULT)], RenderParameters(palette="gray", floor_db=-60), exact=False)

    assert found is not None
    assert found.document is not None
    geometry = found.document.images["full"].geometry
    assert (geometry["palette"], geometry["floor_db"], geometry["shown_floor_db"]) == ("gray", -80, -60)
    assert (found.document.parameters["palette"], found.document.parameters["floor_db"]) == ("gray", -60)
    assert found.step_db == pytest.approx(80 / 255)


def test_new_colours_cost_a_fraction_of_drawing(tmp_path: Path) -> None:
    stored = _render(write(tmp_path / "sweep.wav", _sweep()), DEFAULT)
    indices = np.asarray(Image.open(io.BytesIO(stored.images["full"].png)))

    def colour() -> None:
        found = _colouring(stored, DEFAULT, RenderParameters(palette="magma", floor_db=-60))
        assert _coloured(stored, "full", found)

    # About a hundredth: the palette is made, a checksum taken of it, and the pixels copied once.
    assert _best_cpu_s(colour) < _best_cpu_s(lambda: palette_png(indices, palette("magma"), {})) / 4


def _best_cpu_s(action: Callable[[], object]) -> float:
    spent = []
    for _ in range(7):
        started = time.process_time()
        action()
        spent.append(time.process_time() - started)
    return min(spent)


def _colouring(stored: Rendering, drawn: RenderParameters, wanted: RenderParameters) -> Colouring:
    found = colouring(drawn, wanted, stored.reference_dbfs)
    assert found is not None
    return found


def _coloured(stored: Rendering, name: str, found: Colouring) -> bytes:
    image = stored.images[name]
    notes = {**found.geometry(asdict(image.geometry)), "engine": ENGINE_VERSION}
    return recoloured(image.png, found.colours, {TEXT_KEY: json.dumps(notes, separators=(",", ":"))})


def _grays(png: bytes) -> np.ndarray[Any, np.dtype[np.int_]]:
    with Image.open(io.BytesIO(png)) as opened:
        return np.asarray(opened.convert("L")).astype(int)


def _render(recording: Path, parameters: RenderParameters) -> Rendering:
    return render(recording, Container.WAV, AudioLimits(), parameters, bool)


def _document(parameters: RenderParameters) -> SpectrogramDocument:
    geometry = {"floor_db": parameters.floor_db, "ceiling_db": parameters.ceiling_db, "palette": parameters.palette}
    return SpectrogramDocument(
        id="r/p",
        recording_id="r",
        project_id="default",
        parameters_id=parameters.parameters_id,
        parameters=parameters.document(),
        state=State.COMPLETED,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        images={"full": StoredImage(key="k", size_bytes=1, geometry=geometry)},
        reference_dbfs=-12.0,
    )


def _sweep() -> Signal:
    time_s = np.arange(88_200) / 44_100
    noise = np.random.default_rng(3).normal(0, 1e-3, len(time_s)) * np.linspace(0, 1, len(time_s))
    return (tone(3000, duration_s=2)[:, 0] * np.linspace(0, 1, len(time_s)) + noise).astype(np.float32)[:, None]


def test_silence_tells_the_levels_that_were_asked_for() -> None:
    wanted = RenderParameters(floor_db=-60, reference="full_scale")

    shown = colouring(RenderParameters(), wanted, None)

    assert shown is not None
    told = shown.geometry({"quantity": "dB", "floor_db": -80.0, "ceiling_db": 0.0, "reference": "recording"})
    assert (told["floor_db"], told["ceiling_db"], told["reference"]) == (-60, 0, "full_scale")
