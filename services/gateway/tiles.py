"""Routes of tiles: a recording at every zoom, for viewers that show a part of it at a time."""

import hashlib
import re
from typing import Any

from litestar import Controller, Request, Response, get
from pydantic import BaseModel

from chassis.problems import ProblemError
from contracts.documents import SpectrogramDocument
from contracts.palettes import palette as palette_of
from contracts.palettes import stretched
from contracts.recolour import recoloured
from contracts.rendering import PaletteName, Reference, RenderParameters, ScaleName
from contracts.tiles import BOTTOM_DBFS, STEP_DB, TILE_PX, TOP_DBFS, StoredTiles

from .absent import not_there
from .access import READ
from .caching import CACHED, tagged, unchanged
from .described import LATER, UNCHANGED
from .gallery import Gallery
from .keys import Caller
from .reads import Reads
from .renderings import changed
from .views import spectrogram_view

# No level has as many tiles as nine digits can count.
_TILE = re.compile(r"([0-9]{1,9})\.png")


class TileLevelView(BaseModel):
    """One zoom level: `columns` pixels wide in all, in tiles from 0; `stored`: nothing has to be drawn first."""

    level: int
    columns: int
    tiles: int
    seconds_per_px: float
    stored: bool


class TilesView(BaseModel):
    """The zoom levels of a recording, from one tile to a window per pixel; each is twice as wide as the one before.

    `url` with a level and a tile in it gives a PNG; the last tile of a level is as wide as what is left. On a linear
    `scale`, row r from the bottom begins at `f_min_hz` + r * `hz_per_px`.
    """

    url: str
    tile_width: int = TILE_PX
    tile_height: int = TILE_PX
    f_min_hz: float
    f_max_hz: float
    hz_per_px: float
    scale: ScaleName
    duration_s: float | None
    reference_dbfs: float | None
    bottom_dbfs: float = BOTTOM_DBFS
    step_db: float = STEP_DB
    levels: list[TileLevelView]


class TileController(Controller):
    """What a viewer fetches while somebody looks around."""

    path = "/recordings/{recording_id:str}/spectrogram/tiles"
    tags = ("results",)

    @get(operation_id="getTiles", needs=READ, problems=(409,), responses=LATER)
    async def index(self, request: Request[Caller, Any, Any], reads: Reads, recording_id: str) -> Response[Any]:
        """Return the zoom levels; 202 and the status while the recording is rendered, 404 where it has no tiles."""
        found = await reads.recording(request.user, recording_id)
        task = found.spectrogram
        if task is None or not task.images:
            return not_there(found, task, spectrogram_view(found.recording, task))
        return Response(_view(recording_id, task, stored_tiles(task)), headers=CACHED)

    @get(
        "/{level:int}/{tile:str}",
        operation_id="getTile",
        needs=READ,
        problems=(409, 422),
        responses={**LATER, **UNCHANGED},
        media_type="image/png",
    )
    async def tile(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        gallery: Gallery,
        recording_id: str,
        level: int,
        tile: str,
        palette: PaletteName | None = None,
        floor_db: float | None = None,
        ceiling_db: float | None = None,
        reference: Reference | None = None,
    ) -> Response[Any]:
        """Return the tile `{x}.png` of a level, its colours from floor to ceiling relative to the whole recording.

        Without parameters the colours are those of the recording's images. Another palette or range costs nothing.
        """
        found = await reads.recording(request.user, recording_id)
        task = found.spectrogram
        if task is None or not task.images:
            return not_there(found, task, spectrogram_view(found.recording, task))
        stored, drawn = stored_tiles(task), RenderParameters.of_document(task.parameters)
        given = {"palette": palette, "floor_db": floor_db, "ceiling_db": ceiling_db, "reference": reference}
        colours = _colours(changed(drawn, given), stored.reference_dbfs)
        x = _place(stored, level, tile)
        tag = f'"{task.parameters_id}-{task.fence}-{level}-{x}-{hashlib.sha256(colours).hexdigest()[:16]}"'
        headers = tagged(tag)
        if (kept := unchanged(request, headers)) is not None:
            return kept
        png = await gallery.tile(found, stored, drawn, level, x)
        return Response(recoloured(png, colours), media_type="image/png", headers=headers)


def stored_tiles(task: SpectrogramDocument) -> StoredTiles:
    """Return where a recording's tiles are; 404 where it has none."""
    if task.tiles is None:
        raise ProblemError(
            404,
            "no_tiles",
            "This recording has no tiles.",
            next_step="Look at a region of it; recordings rendered with stacked channels, and old ones, have none.",
        )
    return task.tiles


def _place(stored: StoredTiles, level: int, tile: str) -> int:
    named = _TILE.fullmatch(tile)
    x = int(named[1]) if named else -1
    try:
        stored.byte_range(level, x)
    except IndexError as error:
        raise ProblemError(
            404,
            "no_such_tile",
            f"There is no tile {tile[:20]} in level {level}.",
            next_step="…/tiles lists the levels.",
        ) from error
    return x


def _colours(asked: RenderParameters, reference_dbfs: float | None) -> bytes:
    colours = palette_of(asked.palette)
    if asked.reference == "full_scale":
        reference_dbfs = 0.0
    if reference_dbfs is None:
        return colours[:3] * 256
    return stretched(
        colours,
        bottom_db=BOTTOM_DBFS - reference_dbfs,
        top_db=TOP_DBFS - reference_dbfs,
        floor_db=asked.floor_db,
        ceiling_db=asked.ceiling_db,
    )


def _view(recording_id: str, task: SpectrogramDocument, stored: StoredTiles) -> TilesView:
    grid = stored.grid
    return TilesView(
        url=f"/v1/recordings/{recording_id}/spectrogram/tiles/{{level}}/{{x}}.png",
        f_min_hz=grid.f_min_hz,
        f_max_hz=grid.f_max_hz,
        hz_per_px=(grid.f_max_hz - grid.f_min_hz) / TILE_PX,
        scale=grid.scale,
        duration_s=task.duration_decoded_s,
        reference_dbfs=stored.reference_dbfs,
        levels=[
            TileLevelView(
                level=level,
                columns=grid.columns(level),
                tiles=grid.tiles(level),
                seconds_per_px=grid.seconds_per_px(level),
                stored=level < stored.stored_levels,
            )
            for level in range(grid.levels)
        ],
    )
