"""Run the analysis service: `python -m services.analysis`."""

from chassis.serve import run

from .app import create_app
from .settings import AnalysisSettings

if __name__ == "__main__":
    run(create_app, AnalysisSettings(), "analysis")
