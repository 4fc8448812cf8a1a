"""What can be wrong with a region that somebody asks for.

UnprocessableError
└── RegionError
    ├── EmptyRegionError       region_empty              it begins where it ends, after that, or below zero
    ├── RegionSizeError        region_size               no pixels, or too many
    ├── OutsideRecordingError  region_outside_recording  the recording ends before
    ├── RegionParametersError  region_parameters         PCEN, or stacked channels, which need the whole recording
    ├── ClipTooLongError       clip_too_long             more seconds, or more channels and samples, than are sent
    └── UnreadableTileError    tile_unreadable           decoding from there gives another part than decoding it all
"""

from typing import ClassVar

from chassis.errors import UnprocessableError


class RegionError(UnprocessableError):
    """Base of everything that makes a region impossible."""

    next_step: ClassVar[str] = "Ask for a part that the recording has."


class EmptyRegionError(RegionError):
    """A region's span is empty, backwards, or begins below zero."""

    code: ClassVar[str] = "region_empty"
    next_step: ClassVar[str] = "Give a start of zero or more, and an end after it."

    def __init__(self, what: str, start: float, end: float) -> None:
        super().__init__(what, start, end)
        self.what, self.start, self.end = what, start, end

    def __str__(self) -> str:
        return f"The region's {self.what} run from {self.start:g} to {self.end:g}."


class RegionSizeError(RegionError):
    """A region is to have no pixels, or more than allowed."""

    code: ClassVar[str] = "region_size"
    next_step: ClassVar[str] = "Ask for fewer pixels, and for one at least."

    def __init__(self, width: int, height: int, max_width: int, max_height: int) -> None:
        super().__init__(width, height, max_width, max_height)
        self.width, self.height, self.max_width, self.max_height = width, height, max_width, max_height

    def __str__(self) -> str:
        return f"{self.width} × {self.height} pixels are outside 1 × 1 to {self.max_width} × {self.max_height}."


class RegionParametersError(RegionError):
    """A region is asked for in a way that it cannot be drawn in by itself."""

    code: ClassVar[str] = "region_parameters"
    next_step: ClassVar[str] = "Ask for the region with pcen=false, and with one channel or the mix."

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"A region cannot be drawn with {self.what}."


class OutsideRecordingError(RegionError):
    """A region begins or ends after the recording's end."""

    code: ClassVar[str] = "region_outside_recording"

    def __init__(self, start_s: float, end_s: float, duration_s: float) -> None:
        super().__init__(start_s, end_s, duration_s)
        self.start_s, self.end_s, self.duration_s = start_s, end_s, duration_s

    def __str__(self) -> str:
        return f"The region is {self.start_s:g} to {self.end_s:g} s; the recording lasts {self.duration_s:.3f} s."


class UnreadableTileError(RegionError):
    """A damaged recording gives fewer windows when it is sought in than when all of it is decoded."""

    code: ClassVar[str] = "tile_unreadable"
    next_step: ClassVar[str] = "Look at a coarser level, or upload the recording again, repaired."

    def __init__(self, level: int, x: int, windows: int, expected: int) -> None:
        super().__init__(level, x, windows, expected)
        self.level, self.x, self.windows, self.expected = level, x, windows, expected

    def __str__(self) -> str:
        return f"Tile {self.x} of level {self.level} shows {self.expected} windows; {self.windows} can be decoded."


class ClipTooLongError(RegionError):
    """A clip has more seconds than are sent at once."""

    code: ClassVar[str] = "clip_too_long"
    next_step: ClassVar[str] = "Ask for a shorter part, or take the whole recording and cut it; it takes `Range`."

    def __init__(self, duration_s: float, limit_s: float) -> None:
        super().__init__(duration_s, limit_s)

    def __str__(self) -> str:
        return f"A clip of {self.args[0]:g} s was asked for; of this recording, {self.args[1]:g} s can be had at once."
