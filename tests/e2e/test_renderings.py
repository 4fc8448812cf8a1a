"""A recording seen in other ways: by parameters, by presets, with axes; rendered when somebody asks, once."""

import io
import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from contracts.palettes import palette
from deploy.local.servers import Servers
from tests.audio import tone, write
from tests.e2e.listening import history
from tests.system import System

pytestmark = pytest.mark.servers


def test_a_preset_is_rendered_when_it_is_asked_for(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3000.0)

    first = _ask(system, recording_id, preset="birdsong")
    image = _image(system, recording_id, preset="birdsong")

    assert first.status_code == 202
    assert int(first.headers["retry-after"]) > 0
    status = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/status", params={"preset": "birdsong"})
    geometry = status.json()["images"]["standard"]["geometry"]
    assert (geometry["f_min_hz"], geometry["f_max_hz"]) == (0, 10_000)
    loudest_row = np.asarray(image)[::-1].mean(axis=1).argmax()
    assert loudest_row == pytest.approx(3000 / geometry["hz_per_px"], abs=1)


def test_what_is_asked_twice_is_rendered_once(system: System, servers: Servers, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3100.0)

    for _ in range(5):
        _ask(system, recording_id, palette="magma", f_max_hz="8000")
    _image(system, recording_id, palette="magma", f_max_hz="8000")
    _image(system, recording_id, f_max_hz="8000.0", palette="magma")

    amqp_url = servers.environment()["AMQP_URL"]
    system.until(lambda: _announced(amqp_url, recording_id)["spectrogram.completed.v1"] >= 2)
    announced = _announced(amqp_url, recording_id)
    assert (announced["spectrogram.requested.v1"], announced["spectrogram.completed.v1"]) == (1, 2)


def test_another_way_to_see_a_recording_leaves_its_own_images_alone(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3200.0)
    before, own = system.recording(recording_id), _image(system, recording_id)

    other = _image(system, recording_id, palette="gray_r")

    assert system.recording(recording_id) == before
    assert _image(system, recording_id).tobytes() == own.tobytes()
    assert (other.getpalette() or [])[:3] == [255, 255, 255]


def test_other_colours_are_there_at_once_and_nobody_renders_them(
    system: System, servers: Servers, tmp_path: Path
) -> None:
    recording_id = _uploaded(system, tmp_path, 3900.0)
    own = _ask(system, recording_id, resolution="full")

    inferno = _ask(system, recording_id, resolution="full", palette="inferno")
    narrower = _ask(system, recording_id, resolution="full", floor_db="-60")
    status = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/status", params={"palette": "inferno"})
    sidecar = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/geometry", params={"floor_db": "-60"})

    assert [own.status_code, inferno.status_code, narrower.status_code] == [200, 200, 200]
    assert len({answer.headers["etag"] for answer in (own, inferno, narrower)}) == 3
    assert "dawnchorus-step-db" not in inferno.headers
    assert float(narrower.headers["dawnchorus-step-db"]) == pytest.approx(80 / 255, rel=1e-3)
    pixels = [np.asarray(Image.open(io.BytesIO(answer.content))) for answer in (own, inferno, narrower)]
    np.testing.assert_array_equal(pixels[0], pixels[1])
    np.testing.assert_array_equal(pixels[0], pixels[2])
    assert status.json()["images"]["full"]["geometry"]["palette"] == "inferno"
    assert sidecar.json()["images"]["full"]["shown_floor_db"] == -60
    amqp_url = servers.environment()["AMQP_URL"]
    assert _announced(amqp_url, recording_id)["spectrogram.requested.v1"] == 0


def test_a_narrower_range_can_be_had_in_all_its_colours(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3950.0)
    coloured = _ask(system, recording_id, floor_db="-50")

    exact = _image(system, recording_id, floor_db="-50", exact="true")
    afterwards = _ask(system, recording_id, floor_db="-50")

    assert "dawnchorus-step-db" in coloured.headers
    assert "dawnchorus-step-db" not in afterwards.headers
    assert np.asarray(exact).tobytes() == np.asarray(Image.open(io.BytesIO(afterwards.content))).tobytes()


def test_axes_stand_around_other_colours_too(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3960.0)
    plain = _image(system, recording_id, resolution="thumbnail", palette="magma")

    answer = _ask(system, recording_id, resolution="thumbnail", palette="magma", axes="true")

    assert answer.status_code == 200
    figure = Image.open(io.BytesIO(answer.content))
    assert _contains(np.asarray(figure.convert("RGB")), np.asarray(plain.convert("RGB")))


def test_the_geometry_of_the_images_is_theirs(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3970.0)

    sidecar = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/geometry").json()

    status = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/status").json()
    for name in ("thumbnail", "standard", "full"):
        assert sidecar["images"][name] == {**status["images"][name]["geometry"], "db_per_index": 80 / 255}
    assert (sidecar["recording"]["rate_hz"], sidecar["parameters"]["window_size"]) == (44_100, 2048)
    assert sidecar["parameters"]["engine"] == status["parameters"]["engine"]


def test_an_unasked_way_is_not_requested_and_asking_where_it_stands_asks_for_nothing(
    system: System, tmp_path: Path
) -> None:
    recording_id = _uploaded(system, tmp_path, 3300.0)
    url = f"/v1/recordings/{recording_id}/spectrogram/status"

    statuses = [system.client.get(url, params={"preset": "speech"}).json()["status"] for _ in range(2)]

    geometry = system.client.get(url.replace("status", "geometry"), params={"preset": "speech"})
    assert statuses == ["not_requested", "not_requested"]
    assert (geometry.status_code, geometry.json()["code"]) == (404, "not_requested")
    assert _ask(system, recording_id, preset="speech").status_code == 202
    assert system.client.get(url, params={"preset": "speech"}).json()["status"] != "not_requested"


def test_axes_stand_around_the_very_same_pixels(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3400.0)
    plain = _image(system, recording_id, resolution="thumbnail")

    figure = _image(system, recording_id, resolution="thumbnail", axes="true")

    assert figure.width > plain.width
    assert figure.height > plain.height
    whole, part = np.asarray(figure.convert("RGB")), np.asarray(plain.convert("RGB"))
    assert _contains(whole, part)


def test_a_region_is_drawn_in_its_own_resolution(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3600.0)
    query = {"start_s": 0.5, "end_s": 1.5, "f_min_hz": 3000, "f_max_hz": 4000, "width": 300, "height": 100}

    answers = [system.client.get(f"/v1/recordings/{recording_id}/spectrogram/region", params=query) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].content == answers[1].content
    image = np.asarray(Image.open(io.BytesIO(answers[0].content)))
    assert image.shape == (100, 300)
    assert image[::-1].mean(axis=1).argmax() == pytest.approx(60, abs=3)


def test_what_a_client_has_seen_is_not_sent_again(system: System, tmp_path: Path) -> None:
    base = f"/v1/recordings/{_uploaded(system, tmp_path, 3680.0)}"
    for path in ("spectrogram", "spectrogram/region?start_s=0&end_s=1", "waveform", "waveform/peaks?form=dat"):
        first = system.client.get(f"{base}/{path}")

        again = system.client.get(f"{base}/{path}", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})

        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["cache-control"] == first.headers["cache-control"] == "private, max-age=60"


def test_an_image_may_be_kept_as_long_as_its_url_names_its_version(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3685.0)
    href = system.recording(recording_id)["spectrogram"]["images"]["thumbnail"]["href"]

    kept, other = (system.client.get(url) for url in (href, f"{href}0"))

    assert kept.headers["cache-control"] == "private, max-age=86400, immutable"
    assert other.headers["cache-control"] == "private, max-age=60"
    assert (kept.content, kept.headers["etag"]) == (other.content, other.headers["etag"])


def test_a_region_is_drawn_once_for_all_colours(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3690.0)
    url, query = f"/v1/recordings/{recording_id}/spectrogram/region", {"start_s": 0, "end_s": 1}

    seen = [system.client.get(url, params={**query, "palette": each}) for each in ("magma", "gray")]

    magma, gray = (Image.open(io.BytesIO(each.content)) for each in seen)
    assert np.array_equal(np.asarray(magma), np.asarray(gray))
    assert bytes(magma.getpalette() or []) == palette("magma")
    assert json.loads(magma.info["dawnchorus"])["palette"] == "magma"
    assert seen[0].headers["etag"] != seen[1].headers["etag"]


@pytest.mark.parametrize(
    "query", [{}, {"f_min_hz": 6000, "f_max_hz": 9000}, {"window_size": 512}, {"pool": "mean"}, {"preset": "bat"}]
)
def test_a_region_is_on_the_scale_of_the_whole_recording(
    system: System, tmp_path: Path, query: dict[str, str | int]
) -> None:
    recording_id = _uploaded(system, tmp_path, 3650.0)
    whole = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/geometry").json()["recording"]

    url = f"/v1/recordings/{recording_id}/spectrogram/region"
    answer = system.client.get(url, params={"start_s": 0, "end_s": 1, **query})

    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as region:
        notes = json.loads(region.info["dawnchorus"])
    assert notes["reference_dbfs"] == pytest.approx(whole["reference_dbfs"], abs=0.001)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"start_s": 1, "end_s": 0.5}, 422, "region_empty"),
        ({"start_s": 100, "end_s": 101}, 422, "region_outside_recording"),
        ({"start_s": 0, "end_s": 1, "f_max_hz": 90_000}, 422, "band_above_nyquist"),
        ({"start_s": 0, "end_s": float("inf")}, 400, "bad_request"),
        ({"start_s": float("nan"), "end_s": 1}, 400, "bad_request"),
        ({"start_s": 0, "end_s": 1, "width": 10_000}, 400, "bad_request"),
        ({"start_s": 0}, 400, "bad_request"),
    ],
)
def test_a_region_that_the_recording_does_not_have_is_refused(
    system: System, tmp_path: Path, query: dict[str, float], status: int, code: str
) -> None:
    recording_id = _uploaded(system, tmp_path, 3700.0)

    answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram/region", params=query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_recording_has_a_waveform_and_peaks_in_a_format_that_others_read(system: System, tmp_path: Path) -> None:
    recording_id = _uploaded(system, tmp_path, 3800.0)
    url = f"/v1/recordings/{recording_id}/waveform"

    drawn = Image.open(io.BytesIO(system.client.get(url).content))
    peaks = system.client.get(f"{url}/peaks").json()
    binary = system.client.get(f"{url}/peaks", params={"form": "dat"}).content
    rms = system.client.get(f"{url}/peaks", params={"form": "rms.dat"}).content
    beyond = system.client.get(f"{url}/peaks", params={"zoom": 31})

    assert drawn.height == 120
    assert (peaks["version"], peaks["sample_rate"], peaks["length"] * 2) == (2, 44_100, len(peaks["data"]))
    assert max(peaks["data"]) == pytest.approx(0.5 * 32_768, rel=0.01)
    assert int.from_bytes(binary[:4], "little") == 2
    assert len(binary) == 24 + 4 * peaks["length"]
    assert (rms[:24], struct.unpack(f"<{2 * peaks['length']}h", rms[24:])[1::2]) == (binary[:24], tuple(peaks["rms"]))
    assert beyond.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"window_size": "1000"},
        {"f_min_hz": "9000", "f_max_hz": "8000"},
        {"floor_db": "0", "ceiling_db": "-10"},
        {"palette": "rainbow"},
        {"preset": "whale"},
        {"channel": "left"},
        {"f_max_hz": "nan"},
        {"hop": "0"},
    ],
)
def test_parameters_that_make_no_sense_are_the_clients_problem(
    system: System, tmp_path: Path, query: dict[str, str]
) -> None:
    recording_id = _uploaded(system, tmp_path, 3500.0)

    answer = _ask(system, recording_id, **query)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def _announced(amqp_url: str, recording_id: str) -> Counter[str]:
    return Counter(
        str(message.headers["ce-type"])
        for message in history(amqp_url)
        if message.headers.get("ce-subject") == recording_id
    )


def _uploaded(system: System, folder: Path, frequency_hz: float) -> str:
    path = write(folder / "seen.wav", tone(frequency_hz, duration_s=2.0))
    recording_id: str = system.upload(path).json()["id"]
    system.ended(recording_id)
    return recording_id


def _ask(system: System, recording_id: str, **query: str) -> httpx.Response:
    return system.client.get(f"/v1/recordings/{recording_id}/spectrogram", params=query)


def _image(system: System, recording_id: str, **query: str) -> Image.Image:
    system.until(lambda: _ask(system, recording_id, **query).status_code != 202)
    answer = _ask(system, recording_id, **query)
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def _contains(whole: np.ndarray[Any, Any], part: np.ndarray[Any, Any]) -> bool:
    """Tell whether `part` stands somewhere in `whole`, pixel for pixel."""
    height, width = part.shape[:2]
    rows, columns = whole.shape[0] - height + 1, whole.shape[1] - width + 1
    candidates = ((row, column) for row in range(rows) for column in range(columns))
    return any(
        (whole[row, column] == part[0, 0]).all() and (whole[row : row + height, column : column + width] == part).all()
        for row, column in candidates
    )
