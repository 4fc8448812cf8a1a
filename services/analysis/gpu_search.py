"""Whether there is a GPU to compute on: asked once, of a child, under the limits that jobs have."""

from typing import Literal

import structlog

from chassis.errors import JobCrashedError, JobTimeoutError
from chassis.jobs import START_TIMEOUT_S, JobPool

from .errors import NoGpuError
from .gpu import gpu_model

log = structlog.get_logger()


async def has_gpu(wanted: Literal["cpu", "cuda", "auto"], pool: JobPool) -> bool:
    """Tell whether children can compute on a GPU, if they shall; where they cannot, the log says why."""
    if wanted == "cpu":
        return False
    try:
        model = await pool.run(gpu_model, timeout_s=START_TIMEOUT_S)
    except (NoGpuError, JobCrashedError, JobTimeoutError) as error:
        if wanted == "cuda":
            log.warning("gpu_missing", reason=str(error))
        else:
            log.info("gpu_missing", reason=str(error))
        return False
    log.info("gpu_found", model=model)
    return True
