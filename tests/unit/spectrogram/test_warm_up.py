"""A new child has met everything that a first job needs, so that it is as fast as the tenth."""

import sys

from chassis.jobs import Limits, open_job_pool
from services.spectrogram.job import warm_up

MEMORY_BYTES = 3_000_000_000
# libav for films and MP3, PIL and its font for axes: each costs the first job that needs it 0.1 s or more.
NEEDED = {"av", "soundfile", "PIL.ImageFont", "services.spectrogram.axes", "services.spectrogram.pyramid"}


async def test_a_warm_child_has_loaded_what_any_first_job_needs() -> None:
    async with open_job_pool(1, Limits(MEMORY_BYTES), warm_up) as pool:
        loaded = await pool.run(missing, timeout_s=120)

    assert loaded == set()


def missing() -> set[str]:
    """Return what this process has not loaded; asked of the child, which has loaded this module alone otherwise."""
    return NEEDED - set(sys.modules)
