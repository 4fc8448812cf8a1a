import json
from dataclasses import asdict
from pathlib import Path

import pytest

from audio.decode import AudioLimits, Container
from contracts.rendering import RenderParameters
from services.spectrogram.render import render
from services.spectrogram.sidecar import sidecar
from tests.audio import tone, write


def test_the_sidecar_says_of_each_image_what_its_geometry_says(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=1))
    rendering = render(recording, Container.WAV, AudioLimits(), RenderParameters(), lambda _: None)
    geometries = {name: image.geometry for name, image in rendering.images.items()}

    facts = {"rate_hz": 44_100, "reference_dbfs": rendering.reference_dbfs}
    content = sidecar(geometries, RenderParameters(), facts, hop=rendering.hop)

    fields = json.loads(content)
    assert fields["images"]["full"] == {**asdict(rendering.images["full"].geometry), "db_per_index": 80 / 255}
    assert set(fields["images"]) == {"thumbnail", "standard", "full"}
    assert fields["parameters"] == RenderParameters().document()
    assert (fields["computation"]["hop"], fields["parameters"]["hop"]) == (44_100 // 1600, None)
    assert fields["recording"]["reference_dbfs"] == rendering.reference_dbfs


def test_the_order_of_facts_does_not_matter() -> None:
    plain = RenderParameters()

    assert sidecar({}, plain, {"a": 1, "b": 2}, hop=1) == sidecar({}, plain, {"b": 2, "a": 1}, hop=1)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        sidecar({}, RenderParameters(), {"reference_dbfs": float("nan")}, hop=1)
