"""Run ingest: `python -m services.ingest`; or make what it works with: `… prepare`."""

from chassis.preparing import run_or_prepare

from .app import create_app
from .preparing import prepare_indexes
from .settings import IngestSettings

if __name__ == "__main__":
    run_or_prepare(create_app, prepare_indexes, IngestSettings(), "ingest")
