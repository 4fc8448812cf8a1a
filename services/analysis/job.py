"""What a child process does for one recording."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from audio.decode import AudioLimits, Container
from chassis.compiled import let_go_of_compiler
from chassis.progress import ProgressFile
from chassis.ranged import RemoteObject, opened_source

from .allocator import keep_freed_memory
from .analyse import analyse
from .errors import NoGpuError
from .extractors import OptIn, extractors_named
from .gpu import spectra_on_gpu
from .on_device import SpectraDevice
from .plan import Plan
from .results import Analysis


def analyse_recording(
    source: Path | RemoteObject, container: str, limits: AudioLimits, plan: Plan, progress: ProgressFile
) -> Analysis:
    """Run the extractors of the plan over the recording that is `source`."""
    with opened_source(source) as recording:
        return analyse(recording, Container(container), limits, plan, progress.write, _device(plan))


def warm_up(names: Sequence[str], *, gpu: bool = False) -> None:
    """Analyse a second of a tone, so that the first recording finds everything imported, loaded and allocated."""
    let_go_of_compiler()
    keep_freed_memory()
    with TemporaryDirectory(prefix="dawnchorus-") as scratch:
        path = Path(scratch) / "warm-up.wav"
        tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000) * 8000
        soundfile.write(path, tone.astype(np.int16), 8000)
        plan = Plan(tuple(names), scratch=Path(scratch), gpu=gpu)
        analyse(path, Container.WAV, AudioLimits(), plan, lambda _: None, _device(plan))
    for extractor in extractors_named(names):
        if isinstance(extractor, OptIn):
            extractor.prepare()


def _device(plan: Plan) -> SpectraDevice | None:
    try:
        return spectra_on_gpu() if plan.gpu else None
    except NoGpuError:
        # Why, the service asked when it started.
        return None
