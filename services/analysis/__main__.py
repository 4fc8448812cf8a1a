"""Run the analysis service: `python -m services.analysis`; or make what it works with: `… prepare`."""

from chassis.preparing import run_or_prepare

from .app import create_app
from .preparing import prepare_indexes
from .settings import AnalysisSettings

if __name__ == "__main__":
    run_or_prepare(create_app, prepare_indexes, AnalysisSettings(), "analysis")
