"""What a child process does for one recording."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from audio.decode import AudioLimits, Container
from chassis.jobs import ProgressFile
from contracts.rendering import RenderParameters

from .render import Rendering, render


def render_recording(
    path: Path, container: str, limits: AudioLimits, parameters: RenderParameters, progress: ProgressFile
) -> Rendering:
    """Render the images of the recording at `path`."""
    return render(path, Container(container), limits, parameters, progress.write)


def warm_up() -> None:
    """Render a second of nothing, so that the first recording finds everything imported and allocated."""
    with TemporaryDirectory(prefix="dawnchorus-") as scratch:
        path = Path(scratch) / "warm-up.wav"
        soundfile.write(path, np.zeros(8000, np.int16), 8000)
        render(path, Container.WAV, AudioLimits(), RenderParameters(), lambda _: None)
