import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.rendering import PRESETS, RenderParameters


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"f_min_hz": 5000, "f_max_hz": 5000}, "f_min_hz, 5000, must be below f_max_hz, 5000"),
        ({"floor_db": -10, "ceiling_db": -20}, "floor_db, -10, must be below ceiling_db, -20"),
        ({"hop": 3000}, "hop, 3000, must not pass window_size, 2048"),
        ({"hop": 31}, "hop, 31, must be at least 32, a 64th of window_size"),
        ({"window_size": 8192, "hop": 127}, "hop, 127, must be at least 128"),
        ({"window_size": 2000}, "256, 512, 1024, 2048, 4096 or 8192"),
        ({"window": "boxcar"}, "'hann', 'hamming' or 'blackman'"),
        ({"channel": -1}, "greater than or equal to 0"),
        ({"f_max_hz": float("nan")}, "finite"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(asked: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        RenderParameters.model_validate(asked)


def test_equal_parameters_have_one_identity_however_they_are_written() -> None:
    written = RenderParameters.model_validate_json('{"f_max_hz": 10000, "palette": "viridis", "f_min_hz": -0.0}')

    assert written == PRESETS["birdsong"]
    assert written.parameters_id == PRESETS["birdsong"].parameters_id


@given(st.sampled_from(["window_size", "hop", "scale", "palette", "pool", "pcen", "channel", "reference"]))
def test_every_parameter_is_part_of_the_identity(name: str) -> None:
    other = {"window_size": 512, "hop": 100, "scale": "mel", "palette": "gray_r", "pool": "mean"}
    other |= {"pcen": True, "channel": 0, "reference": "full_scale"}

    changed = RenderParameters.model_validate({name: other[name]})

    assert changed.parameters_id != RenderParameters().parameters_id


def test_the_document_reads_back() -> None:
    for preset in PRESETS.values():
        document = preset.document()
        document.pop("engine")

        assert RenderParameters.model_validate(document) == preset
