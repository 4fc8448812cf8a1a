"""Draw real recordings in three resolutions with axes, beside sox's and librosa's images; write build/pictures.

    python -m tests.benchmarks.pictures [--only spinetail]

There is nothing to measure here: open build/pictures/index.html and judge. sox and matplotlib take part where they
are installed.
"""

import argparse
import html
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audio.decode import AudioLimits
from audio.sniff import sniff_source
from contracts.rendering import PRESETS, Preset, RenderParameters
from services.spectrogram.axes import with_axes
from services.spectrogram.render import render
from tests.audio import REPOSITORY, recordings_folder
from tests.benchmarks.contenders import specshow

FOLDER = REPOSITORY / "build" / "pictures"
_STYLE = "body{font:15px sans-serif;margin:2em;max-width:1700px}img{max-width:100%;border:1px solid #ccc}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A recording and the way it is seen: a preset or the defaults, and what is chosen beside it."""

    recording: str
    preset: Preset | None = None
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return Path(self.recording).name

    @property
    def parameters(self) -> RenderParameters:
        base = PRESETS[self.preset] if self.preset else RenderParameters()
        return RenderParameters.model_validate(base.model_dump() | self.chosen)

    @property
    def caption(self) -> str:
        parts = [f"preset {self.preset}" if self.preset else "defaults"]
        return ", ".join(parts + [f"{name} {value}" for name, value in self.chosen.items()])


SUBJECTS = (
    Subject("spinetail.wav", "birdsong"),
    Subject("birds_10s.wav"),
    Subject("voice.flac", "speech", {"palette": "magma"}),
    Subject("music_fast.ogg", "music"),
    Subject("music_slow.ogg", "music", {"palette": "inferno"}),
    Subject("snare_accelerate.ogg", chosen={"palette": "cividis"}),
    Subject("rugr_drum.wav", chosen={"f_max_hz": 500.0, "window_size": 8192, "palette": "gray_r"}),
    Subject("1min.wav", "birdsong", {"palette": "gray_r"}),
    Subject("night/S4A03895_20190522_080000.wav"),
    Subject("night/S4A03895_20190522_070000.wav", "birdsong", {"palette": "magma", "scale": "mel"}),
    Subject("metadata.wav", chosen={"reference": "full_scale", "floor_db": -120.0}),
    Subject("voice.ogg", "speech", {"channel": "stacked"}),
)


def draw(subject: Subject) -> Iterator[tuple[str, Path]]:
    """Write all images of one recording; yield a caption and a file for each."""
    recording = recordings_folder() / subject.recording
    with recording.open("rb") as head:
        container = sniff_source(head)
    rendering = render(recording, container, AudioLimits(), subject.parameters, lambda _: None)
    for resolution, image in rendering.images.items():
        target = FOLDER / f"{subject.name}.{resolution}.png"
        target.write_bytes(with_axes(image.png, image.geometry))
        yield f"Dawnchorus, {resolution}: {subject.caption}", target
    if shutil.which("sox"):
        target = FOLDER / f"{subject.name}.sox.png"
        command = ["sox", str(recording), "-n", "remix", "1", "spectrogram", "-x", "1600", "-y", "513", "-w", "Hann"]
        subprocess.run([*command, "-o", str(target)], check=True)
        yield "sox", target
    if importlib.util.find_spec("matplotlib"):
        target = FOLDER / f"{subject.name}.librosa.png"
        specshow(recording, target)
        yield "librosa and matplotlib", target


def sheet(drawn: dict[str, list[tuple[str, Path]]]) -> str:
    """Return the contact sheet: each recording's images below each other, a click away from their own pixels."""
    lines = ["<!doctype html><meta charset='utf-8'><title>Pictures</title>", f"<style>{_STYLE}</style>"]
    for name, images in drawn.items():
        lines.append(f"<h2>{html.escape(name)}</h2>")
        for caption, path in images:
            lines.append(f"<p>{html.escape(caption)}<br><a href='{path.name}'><img src='{path.name}'></a></p>")
    return "\n".join(lines)


def main() -> None:
    """Draw everything, or what is asked for, and write the sheet."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", default="", help="recordings whose name contains this")
    options = asked.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = {each.recording: list(draw(each)) for each in SUBJECTS if options.only in each.recording}
    (FOLDER / "index.html").write_text(sheet(drawn))
    sys.stdout.write(f"Written: {(FOLDER / 'index.html').relative_to(REPOSITORY)}\n")


if __name__ == "__main__":
    main()
