"""The GPU, where there is one: PyTorch is an extra of its own, and takes seconds to import."""

from types import ModuleType

from .errors import NoGpuError
from .on_device import SpectraDevice


def spectra_on_gpu() -> SpectraDevice:
    """Return what computes spectra on the GPU. Raises `NoGpuError`."""
    torch_stft = _torch_stft()
    device: SpectraDevice = torch_stft.TorchSpectra(torch_stft.Cuda())
    return device


def gpu_model() -> str:
    """Return what the maker of the GPU calls it. Raises `NoGpuError`."""
    return str(_torch_stft().Cuda().model)


def _torch_stft() -> ModuleType:
    try:
        from . import torch_stft
    # The second where its libraries are not all there, or do not fit into the address space of a job.
    except (ImportError, OSError) as error:
        raise NoGpuError(f"PyTorch cannot be imported: {error}") from error
    return torch_stft
