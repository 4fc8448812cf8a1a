"""Spectra by PyTorch, in batches that the device's memory holds; only imported where a GPU is wanted."""

from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from .errors import DeviceFailedError, NoGpuError
from .framed import BINS, FRAME_LENGTH, HOP, WINDOW, Floats, Spectra

# At most, of each frame: its samples, windowed; its spectrum, and as much again for the transform's own use; its power
# and the two squares that make it. Bands come after the spectrum is gone, and take less.
BYTES_PER_FRAME = 4 * (HOP + FRAME_LENGTH + 2 * (2 * BINS) + 3 * BINS)
# For the window and the filters, for the device's own use, and for jobs that begin at the same time.
RESERVE_BYTES = 256 * 2**20


class TorchDevice(Protocol):
    """A device of PyTorch's, as far as one differs from another."""

    @property
    def name(self) -> str:
        """As PyTorch calls its kind."""

    def free_bytes(self) -> int:
        """Return how much memory new tensors may take."""

    def upload(self, values: Floats) -> torch.Tensor:
        """Return the values as a tensor on the device."""


class Cuda:
    """The first GPU that PyTorch sees."""

    name = "cuda"

    def __init__(self) -> None:
        """Put a number there. Raises `NoGpuError` with what PyTorch says."""
        try:
            torch.zeros(1, device=self.name)
        # What a build without CUDA raises is an AssertionError.
        except (RuntimeError, AssertionError) as error:
            raise NoGpuError(_first_line(error)) from error

    @property
    def model(self) -> str:
        """What its maker calls it."""
        return str(torch.cuda.get_device_name())

    def free_bytes(self) -> int:
        """Return what nobody has, and what PyTorch keeps here for the next tensor."""
        free, _ = torch.cuda.mem_get_info()
        return int(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())

    def upload(self, values: Floats) -> torch.Tensor:
        """Return the values as a tensor on the device."""
        return torch.from_numpy(values).to(self.name)


class TorchSpectra:
    """Spectra in as large batches as the memory should allow, and in halves of that where it does not."""

    def __init__(self, device: TorchDevice) -> None:
        """Ask for nothing yet."""
        self._device = device
        self._batch_frames: int | None = None

    @property
    def name(self) -> str:
        """The device's."""
        return self._device.name

    def spectra(self, signal: Floats, filters: Floats | None) -> Spectra:
        """Return the spectra of all frames of a signal, and what `filters` make of their power.

        signal   (512·(k - 1) + 2048,) float32: k consecutive frames
        filters  (bands, 1025) float32

        Raises `DeviceFailedError` where the memory does not hold a single frame, and at whatever else PyTorch says.
        """
        try:
            return self._in_batches(signal, filters)
        # PyTorch has no error of its own for what goes wrong on a device.
        except RuntimeError as error:
            raise DeviceFailedError(self.name, _first_line(error)) from error

    def _in_batches(self, signal: Floats, filters: Floats | None) -> Spectra:
        count = 1 + (len(signal) - FRAME_LENGTH) // HOP
        projection = None if filters is None else self._device.upload(np.ascontiguousarray(filters.T))
        found = _empty(count, filters)
        done = 0
        while done < count:
            frames = min(self._estimated_batch(), count - done)
            try:
                self._compute(_piece(signal, done, frames), projection, found[done : done + frames])
            except torch.OutOfMemoryError:
                if frames == 1:
                    raise
                self._batch_frames = frames // 2
                continue
            done += frames
        return found

    def _estimated_batch(self) -> int:
        if self._batch_frames is None:
            self._batch_frames = max(1, (self._device.free_bytes() - RESERVE_BYTES) // BYTES_PER_FRAME)
        return self._batch_frames

    def _compute(self, signal: Floats, projection: torch.Tensor | None, found: Spectra) -> None:
        spectrum = torch.fft.rfft(self._device.upload(signal).unfold(0, FRAME_LENGTH, HOP) * self._window)
        power = spectrum.real.square() + spectrum.imag.square()
        del spectrum
        torch.from_numpy(found.power).copy_(power)
        if projection is not None:
            torch.from_numpy(found.mel).copy_(power @ projection)

    @cached_property
    def _window(self) -> torch.Tensor:
        return self._device.upload(WINDOW)


def _empty(count: int, filters: Floats | None) -> Spectra:
    mel = None if filters is None else np.empty((count, len(filters)), dtype=np.float32)
    return Spectra(np.empty((count, BINS), dtype=np.float32), mel)


def _piece(signal: Floats, first: int, frames: int) -> Floats:
    return signal[first * HOP : (first + frames - 1) * HOP + FRAME_LENGTH]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
