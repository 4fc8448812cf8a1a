"""Render a recording on disk, whatever it is, in a line."""

from pathlib import Path

from audio.decode import AudioLimits
from audio.sniff import sniff_source
from contracts.rendering import RenderParameters
from services.spectrogram.render import Rendering, render

NAMES = ("thumbnail", "standard", "full")


def drawn(recording: Path, parameters: RenderParameters | None = None) -> Rendering:
    with recording.open("rb") as head:
        container = sniff_source(head)
    return render(recording, container, AudioLimits(), parameters or RenderParameters(), lambda _: None)
