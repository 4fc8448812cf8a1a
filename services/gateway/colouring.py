"""Other colours for an image that is there: another palette, or a range of levels that it holds already."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contracts.documents import SpectrogramDocument, StoredImage
from contracts.palettes import palette, stretched
from contracts.rendering import RenderParameters

# What colours alone can change, as far as the stored levels reach.
COLOURS_ALONE = frozenset({"palette", "floor_db", "ceiling_db", "reference"})
_ROUNDING_DB = 1e-9
_INDICES = 255


@dataclass(frozen=True, slots=True)
class Colouring:
    """How a stored image shows what was asked for, its pixels unread.

    colours  the palette it gets
    wanted   what was asked for
    step_db  between two colours, where they are fewer than a rendering of its own would have; None: exactly its pixels
    """

    colours: bytes
    wanted: RenderParameters
    step_db: float | None

    def geometry(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Return what a ruler reads: indices keep the levels they were drawn with, and colours may show others."""
        wanted = self.wanted
        coloured = {**stored, "palette": wanted.palette}
        shown = {"floor_db": wanted.floor_db, "ceiling_db": wanted.ceiling_db, "reference": wanted.reference}
        if self.step_db is not None:
            return coloured | {f"shown_{name}": level for name, level in shown.items()}
        # Exactly its pixels: drawn with these levels, or in silence, which looks alike with any.
        return coloured | shown if stored.get("quantity") == "dB" else coloured


@dataclass(frozen=True, slots=True)
class Shown:
    """What answers a reader: a task, as far as somebody began on it, and the colours that its images get."""

    task: SpectrogramDocument | None
    colouring: Colouring | None = None

    @property
    def document(self) -> SpectrogramDocument | None:
        """The task's document, telling what is shown."""
        if self.task is None or self.colouring is None:
            return self.task
        images = {
            name: image.model_copy(update={"geometry": self.colouring.geometry(image.geometry)})
            for name, image in self.task.images.items()
        }
        asked = self.colouring.wanted.model_dump(mode="json", include=set(COLOURS_ALONE))
        return self.task.model_copy(update={"images": images, "parameters": {**self.task.parameters, **asked}})

    @property
    def step_db(self) -> float:
        """How coarse the colours are; 0: as fine as they would be drawn."""
        return (self.colouring.step_db or 0.0) if self.colouring is not None else 0.0

    def image(self, resolution: str) -> StoredImage | None:
        """Return the stored image of that resolution, its geometry telling what is shown."""
        return self.document.images.get(resolution) if self.document is not None else None


def best_shown(akin: Iterable[SpectrogramDocument], wanted: RenderParameters, *, exact: bool) -> Shown | None:
    """Return which of several renderings, alike but for colours, shows `wanted` in the finest steps; None: none does.

    exact  where nothing but the very pixels of a rendering of its own will do
    """
    found = [Shown(task, _colouring_of(task, wanted)) for task in akin]
    able = [each for each in found if each.colouring and not (exact and each.step_db)]
    return min(able, key=lambda each: each.step_db, default=None)


def colouring(drawn: RenderParameters, wanted: RenderParameters, reference_dbfs: float | None) -> Colouring | None:
    """Return how an image drawn as `drawn` shows `wanted`, which differs in colours alone; None where it cannot.

    reference_dbfs  the level of the loudest cell; None in silence and in PCEN, whose levels no range changes
    """
    colours = palette(wanted.palette)
    if reference_dbfs is None:
        return Colouring(colours, wanted, None)
    if (drawn.reference, drawn.floor_db, drawn.ceiling_db) == (wanted.reference, wanted.floor_db, wanted.ceiling_db):
        return Colouring(colours, wanted, None)
    zeros_dbfs = {"recording": reference_dbfs, "full_scale": 0.0}
    offset_db = zeros_dbfs[drawn.reference] - zeros_dbfs[wanted.reference]
    bottom_db, top_db = drawn.floor_db + offset_db, drawn.ceiling_db + offset_db
    loudest_db = reference_dbfs - zeros_dbfs[wanted.reference]
    # Above the loudest cell there is nothing to tell apart; below the stored floor there may be.
    holds_top = top_db >= min(wanted.ceiling_db, loudest_db) - _ROUNDING_DB
    if wanted.floor_db < bottom_db - _ROUNDING_DB or not holds_top:
        return None
    shown = stretched(
        colours, bottom_db=bottom_db, top_db=top_db, floor_db=wanted.floor_db, ceiling_db=wanted.ceiling_db
    )
    return Colouring(shown, wanted, (top_db - bottom_db) / _INDICES)


def _colouring_of(task: SpectrogramDocument, wanted: RenderParameters) -> Colouring | None:
    return colouring(RenderParameters.of_document(task.parameters), wanted, task.reference_dbfs)
