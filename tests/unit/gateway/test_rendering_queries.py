from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rendering import PRESETS, RenderParameters
from services.gateway.renderings import changed, query_of

OWN = RenderParameters(hop=64, f_max_hz=8000.0, palette="magma")
RENDERINGS = st.builds(
    RenderParameters,
    hop=st.none() | st.integers(32, 256),
    f_max_hz=st.none() | st.floats(1000, 20_000),
    scale=st.sampled_from(["linear", "mel"]),
    channel=st.sampled_from(["mix", "stacked"]),
    floor_db=st.floats(-120, -20),
    pcen=st.booleans(),
)


@pytest.mark.parametrize("own", [RenderParameters(), OWN], ids=["built-in", "a project's"])
def test_a_recordings_own_rendering_needs_no_query(own: RenderParameters) -> None:
    assert query_of(own, own.document()) == {}


@given(own=RENDERINGS, wanted=RENDERINGS)
def test_a_query_asks_for_what_it_was_written_for(own: RenderParameters, wanted: RenderParameters) -> None:
    asked = dict(parse_qsl(urlencode(query_of(own, wanted.document()))))

    base = PRESETS["default"] if asked.pop("preset", None) else own
    assert changed(base, asked) == wanted


@pytest.mark.parametrize("name", ["ceiling_db", "f_min_hz"])
def test_a_negative_zero_is_the_same_wish(name: str) -> None:
    assert changed(OWN, {name: -0.0}).parameters_id == changed(OWN, {name: 0.0}).parameters_id
