"""Where the gateway gets tiles from: stored ones by one read, others from who draws them."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest

from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import AudioFacts, RecordingDocument, SpectrogramDocument
from contracts.drawing import Region
from contracts.rendering import RenderParameters
from contracts.tiles import StoredTiles, TileGrid
from contracts.vocabulary import Lane, State
from services.gateway.gallery import DrawingUnavailableError, Gallery, region_request
from services.gateway.reads import Found, Reads
from services.gateway.renderings import RenderRequests
from services.gateway.tiles import stored_tiles
from tests.fakes import FakeObjects

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GRID = TileGrid(rate_hz=8000, hop=20, frames=4000, levels=4, f_min_hz=0, f_max_hz=4000, scale="linear")
STORED = StoredTiles(key="tiles", grid=GRID, sizes_bytes=(3, 2, 4), reference_dbfs=-10.0)


async def test_a_stored_tile_is_one_read_of_its_own_bytes() -> None:
    objects = _CountingObjects()
    objects.stored["tiles"] = b"aaabbcccc"
    gallery = _gallery(objects, _nobody_draws)

    tiles = [await gallery.tile(_found(), STORED, RenderParameters(), *place) for place in ((0, 0), (1, 0), (1, 1))]

    assert tiles == [b"aaa", b"bb", b"cccc"]
    assert objects.ranges == [(0, 3), (3, 5), (5, 9)]


async def test_a_tile_that_is_not_stored_is_drawn_from_the_recording() -> None:
    asked: list[dict[str, Any]] = []

    def draw(request: httpx.Request) -> httpx.Response:
        asked.append({"path": request.url.path, **json.loads(request.content)})
        return httpx.Response(200, content=b"drawn")

    tile = await _gallery(_CountingObjects(), draw).tile(_found(), STORED, RenderParameters(), 2, 3)

    assert tile == b"drawn"
    assert (asked[0]["path"], asked[0]["level"], asked[0]["x"]) == ("/drawings/tiles", 2, 3)
    assert TileGrid.model_validate(asked[0]["grid"]) == GRID


def test_colours_are_no_part_of_a_regions_identity_and_levels_are() -> None:
    region = Region(1, 2, 0, None, 100, 50)
    ways = [RenderParameters(), RenderParameters(palette="magma"), RenderParameters(floor_db=-60)]

    own, magma, darker = (region_request(_found(), each, region).region_id for each in ways)

    assert own == magma
    assert own != darker


async def test_an_answer_that_is_no_problem_document_is_a_drawing_that_did_not_come() -> None:
    gallery = _gallery(_CountingObjects(), lambda _: httpx.Response(502, text="Bad Gateway"))

    with pytest.raises(DrawingUnavailableError):
        await gallery.tile(_found(), STORED, RenderParameters(), 2, 3)


async def test_a_tile_that_is_nowhere_is_asked_of_nobody() -> None:
    with pytest.raises(IndexError):
        await _gallery(_CountingObjects(), _nobody_draws).tile(_found(), STORED, RenderParameters(), 2, 4)


def test_a_recording_without_tiles_says_so() -> None:
    with pytest.raises(ProblemError) as refusal:
        stored_tiles(_task(tiles=None))

    assert (refusal.value.status, refusal.value.code) == (404, "no_tiles")
    assert stored_tiles(_task(tiles=STORED)) is STORED


class _CountingObjects(FakeObjects):
    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[tuple[int, int]] = []

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        self.ranges.append((start, end))
        return await super().get_range(key, start, end)


def _nobody_draws(request: httpx.Request) -> httpx.Response:
    pytest.fail(f"{request.url} was asked for")


def _gallery(objects: FakeObjects, draw: Any) -> Gallery:
    client = httpx.AsyncClient(base_url="http://spectrogram", transport=httpx.MockTransport(draw))
    nothing = cast("Reads", None), cast("RenderRequests", None)
    return Gallery(*nothing, cast("ObjectStore", objects), client, "token")


def _found() -> Found:
    recording = RecordingDocument(
        id="one",
        project_id="default",
        name="dawn.flac",
        lane=Lane.INTERACTIVE,
        state=State.COMPLETED,
        sha256="0" * 64,
        size_bytes=1000,
        audio=AudioFacts(container="flac", codec="flac", rate_hz=8000, channels=1),
        uploaded_at=NOON,
        trace_id="f" * 32,
        current=True,
    )
    return Found(recording, _task(tiles=STORED), None)


def _task(*, tiles: StoredTiles | None) -> SpectrogramDocument:
    return SpectrogramDocument(
        id="one/p",
        recording_id="one",
        project_id="default",
        parameters_id="p",
        parameters=RenderParameters().document(),
        state=State.COMPLETED,
        created_at=NOON,
        tiles=tiles,
    )
