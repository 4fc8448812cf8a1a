"""Run the spectrogram service: `python -m services.spectrogram`."""

from chassis.serve import run

from .app import create_app
from .settings import SpectrogramSettings

if __name__ == "__main__":
    run(create_app, SpectrogramSettings(), "spectrogram")
