from functools import partial
from pathlib import Path

from audio.format import AudioLimits
from chassis.jobs import Limits, open_job_pool
from chassis.progress import ProgressFile
from services.analysis.job import analyse_recording, warm_up
from services.analysis.plan import Plan
from services.analysis.settings import AnalysisSettings
from tests.audio import tone, write

MEMORY_BYTES = AnalysisSettings.model_fields["job_memory_bytes"].default
EXTRACTORS = AnalysisSettings.model_fields["extractors"].default
RATES_HZ = (8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
PATIENCE_S = 120.0


async def test_a_child_keeps_little_of_its_address_space_however_many_recordings_it_has_analysed(
    tmp_path: Path,
) -> None:
    plan = Plan(EXTRACTORS, scratch=tmp_path)
    async with open_job_pool(1, Limits(MEMORY_BYTES), partial(warm_up, EXTRACTORS)) as pool:
        held = [await pool.run(address_bytes, timeout_s=PATIENCE_S)]
        for number in range(3 * len(RATES_HZ)):
            rate_hz = RATES_HZ[number % len(RATES_HZ)]
            source = write(tmp_path / f"{number}.wav", tone(440.0, duration_s=1 + number % 3, rate_hz=rate_hz), rate_hz)
            how = (source, "wav", AudioLimits(), plan, ProgressFile(tmp_path / "progress"))
            await pool.run(analyse_recording, *how, timeout_s=PATIENCE_S)
            held.append(await pool.run(address_bytes, timeout_s=PATIENCE_S))

    assert max(held) < MEMORY_BYTES / 2
    assert held[-1] < 1.02 * held[len(RATES_HZ)]


def address_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * 4096
