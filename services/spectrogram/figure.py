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
# Larger images get larger letters, since they are shown smaller: six points where a standard image is a page wide.
_SMALLEST_FONT_PX, _LARGEST_FONT_PX = 11, 44
_MINUS = "-"
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
        size = round(max(height / 20, width / 72))
        self.size_px = min(_LARGEST_FONT_PX, max(_SMALLEST_FONT_PX, size))
        self.line_px = 1 + 2 * (self.size_px // 24)
        self.font = cast("ImageFont.FreeTypeFont", ImageFont.load_default(self.size_px))

    def width(self, label: str) -> float:
        """Return the room that a label takes beside others, gap included."""
        return self.font.getlength(label) + 2 * self.size_px

    def height(self, label: str) -> float:
        """Return the room that any label takes above others, gap included."""
        return 2.0 * self.size_px if label else 0.0

    def widest(self, ticks: Sequence[Tick]) -> int:
        return round(max((self._length(tick.label) for tick in ticks), default=0))

    @property
    def minus_px(self) -> int:
        return self.size_px // 2

    @property
    def after_minus_px(self) -> int:
        return max(1, self.size_px // 8)

    def _length(self, label: str) -> float:
        minus_px = self.minus_px + self.after_minus_px if label.startswith(_MINUS) else 0
        return minus_px + self.font.getlength(label.removeprefix(_MINUS))

    def written(self, title: str) -> Image.Image:
        """Return a mask of the words, parted by a third of a letter's height: the font's own blank is half of that."""
        gap = self.size_px / 3
        lengths = [self.font.getlength(word) for word in title.split()]
        mask = Image.new("L", (round(sum(lengths) + gap * (len(lengths) - 1)) + 2, round(1.5 * self.size_px)), 0)
        left, draw = 1.0, ImageDraw.Draw(mask)
        for word, length in zip(title.split(), lengths, strict=True):
            draw.text((left, mask.height / 2), word, 255, font=self.font, anchor="lm")
            left += length + gap
        return mask


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
            # So far that a minus is not taken for more of the tick.
            self._number((edge + 2 * self._tick_px, row), tick.label)

    def ticks_below(self, box: Box, ticks: Sequence[Tick]) -> None:
        edge = box.bottom + self._letters.line_px
        for tick in ticks:
            column = box.left + tick.at
            self._line(column - self._half, edge, column + self._half, edge + self._tick_px - 1)
            self._text((column, edge + 1.5 * self._tick_px), tick.label, "mt")

    def title_below(self, box: Box, title: str) -> None:
        written = self._letters.written(title)
        row = self._canvas.height - self._tick_px - written.height
        self._paste(written, box.left + (box.width - written.width) // 2, row)

    def title_upright(self, box: Box, title: str, *, column: int) -> None:
        """Write upwards, centred beside `box`, from `column` on to the right."""
        turned = self._letters.written(title).rotate(90, expand=True)
        self._paste(turned, column, box.top + (box.height - turned.height) // 2)

    def png(self, notes: dict[str, str]) -> bytes:
        """Return the drawing as RGB, with `notes` in its text chunks."""
        texts = PngInfo()
        for key, note in notes.items():
            texts.add_text(key, note)
        written = io.BytesIO()
        dpi = (_DOTS_PER_INCH, _DOTS_PER_INCH)
        self._canvas.save(written, "PNG", pnginfo=texts, dpi=dpi, compress_level=_COMPRESSION)
        return written.getvalue()

    def _number(self, at: tuple[int, int], label: str) -> None:
        """Write to the right of `at`, with a true minus, which the font lacks."""
        left, row = at
        if label.startswith(_MINUS):
            width = self._letters.minus_px
            self._line(left, row - self._half, left + width - 1, row + self._half)
            left += width + self._letters.after_minus_px
        self._text((left, row), label.removeprefix(_MINUS), "lm")

    def _paste(self, mask: Image.Image, column: int, row: int) -> None:
        self._canvas.paste(Image.new("RGB", mask.size, _BLACK), (max(0, column), max(0, row)), mask)

    def _line(self, left: int, top: int, right: int, bottom: int) -> None:
        self._draw.rectangle((left, top, right, bottom), fill=_BLACK)

    def _text(self, at: tuple[float, float], text: str, anchor: str) -> None:
        self._draw.text(at, text, _BLACK, font=self._letters.font, anchor=anchor)
