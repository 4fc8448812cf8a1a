"""What the extractor `species` needs, which not everybody installs."""

import os

import pytest

from services.analysis.errors import MissingPackageError
from services.analysis.extractors import OPT_IN, check_packages

__all__ = ["birdnet", "is_birdnet_installed"]


def is_birdnet_installed() -> bool:
    """Tell whether the models and what runs them are there."""
    try:
        check_packages([OPT_IN["species"]])
    except MissingPackageError:
        return False
    return True


@pytest.fixture(scope="session")
def birdnet() -> None:
    """The models and what runs them; without them tests are skipped, but fail in CI, where they must be there."""
    if is_birdnet_installed():
        return
    reason = "BirdNET is not installed; `make test` installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
