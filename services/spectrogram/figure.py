"""A white sheet around an image: frames, ticks, labels and titles, to the pixel."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from .ticks import Tick

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_DOTS_PER_INCH = 300
# Larger images get larger letters, since they are shown smaller.
_SMALLEST_FONT_PX, _LARGEST_FONT_PX = 11, 32
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels; row and column `top`, `left` are its first."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


class Letters:
    """The one font, in the size that suits an image."""

    def __init__(self, width: int, height: int) -> None:
        size = round(max(height / 30, width / 110))
        self.size_px = min(_LARGEST_FONT_PX, max(_SMALLEST_FONT_PX, size))
        self.line_px = 1 + 2 * (self.size_px // 24)
        self.font = cast("ImageFont.FreeTypeFont", ImageFont.load_default(self.size_px))

    def width(self, label: str) -> float:
        """Return the room that a label takes beside others, gap included."""
        return self.font.getlength(label) + 2 * self.size_px

    def height(self, label: str) -> float:
        """Return the room that any label takes above others, gap included."""
        return 2.5 * self.size_px if label else 0.0

    def widest(self, ticks: Sequence[Tick]) -> int:
        return round(max((self.font.getlength(tick.label) for tick in ticks), default=0))


class Figure:
    """One drawing. Ticks stand outside of a box, their middle at the pixel they mark."""

    def __init__(self, size: tuple[int, int], letters: Letters) -> None:
        self._canvas = Image.new("RGB", size, _WHITE)
        self._draw = ImageDraw.Draw(self._canvas)
        self._letters = letters
        self._tick_px = letters.size_px // 2
        self._half = letters.line_px // 2

    def image(self, image: Image.Image, box: Box) -> None:
        """Place an image, pixel for pixel, in a frame that lies around it."""
        line = self._letters.line_px
        frame = (box.left - line, box.top - line, box.right + line - 1, box.bottom + line - 1)
        self._draw.rectangle(frame, fill=_BLACK)
        self._canvas.paste(image, (box.left, box.top))

    def ticks_left(self, box: Box, ticks: Sequence[Tick]) -> None:
        edge = box.left - self._letters.line_px
        for tick in ticks:
            row = box.bottom - 1 - tick.at
            self._line(edge - self._tick_px, row - self._half, edge - 1, row + self._half)
            self._text((edge - 1.5 * self._tick_px, row), tick.label, "rm")

    def ticks_right(self, box: Box, ticks: Sequence[Tick]) -> None:
        edge = box.right + self._letters.line_px
        for tick in ticks:
            row = box.bottom - 1 - tick.at
            self._line(edge, row - self._half, edge + self._tick_px - 1, row + self._half)
            self._text((edge + 1.5 * self._tick_px, row), tick.label, "lm")

    def ticks_below(self, box: Box, ticks: Sequence[Tick]) -> None:
        edge = box.bottom + self._letters.line_px
        for tick in ticks:
            column = box.left + tick.at
            self._line(column - self._half, edge, column + self._half, edge + self._tick_px - 1)
            self._text((column, edge + 1.5 * self._tick_px), tick.label, "mt")

    def title_below(self, box: Box, title: str) -> None:
        self._text((box.left + box.width / 2, self._canvas.height - self._tick_px), title, "mb")

    def title_upright(self, box: Box, title: str, *, column: int) -> None:
        """Write upwards, centred beside `box`, from `column` on to the right."""
        size = (round(self._letters.font.getlength(title)) + 2, round(1.5 * self._letters.size_px))
        upright = Image.new("L", size, 0)
        ImageDraw.Draw(upright).text((size[0] / 2, size[1] / 2), title, 255, font=self._letters.font, anchor="mm")
        turned = upright.rotate(90, expand=True)
        row = max(0, box.top + (box.height - turned.height) // 2)
        self._canvas.paste(Image.new("RGB", turned.size, _BLACK), (column, row), turned)

    def png(self, notes: dict[str, str]) -> bytes:
        """Return the drawing as RGB, with `notes` in its text chunks."""
        texts = PngInfo()
        for key, note in notes.items():
            texts.add_text(key, note)
        written = io.BytesIO()
        dpi = (_DOTS_PER_INCH, _DOTS_PER_INCH)
        self._canvas.save(written, "PNG", pnginfo=texts, dpi=dpi, compress_level=_COMPRESSION)
        return written.getvalue()

    def _line(self, left: int, top: int, right: int, bottom: int) -> None:
        self._draw.rectangle((left, top, right, bottom), fill=_BLACK)

    def _text(self, at: tuple[float, float], text: str, anchor: str) -> None:
        self._draw.text(at, text, _BLACK, font=self._letters.font, anchor=anchor)
