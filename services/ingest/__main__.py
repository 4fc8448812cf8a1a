"""Run ingest: `python -m services.ingest`."""

from chassis.serve import run

from .app import create_app
from .settings import IngestSettings

if __name__ == "__main__":
    run(create_app, IngestSettings(), "ingest")
