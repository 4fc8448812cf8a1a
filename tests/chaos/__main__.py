"""Run the whole system under faults and say what became of every recording; write build/chaos/seed-N.json.

    python -m tests.chaos [--seeds 1] [--first 1] [--minutes 1] [--sabotage outbox]

Ends with 1 when a run failed. With --sabotage it runs the services without one of the things that keep the promise,
under faults that provoke what comes of that, and the run must fail.
"""

import argparse
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.audio import REPOSITORY
from tests.benchmarks.figures import say

from . import report
from .contents import contents
from .provoking import SABOTAGED, provoked
from .run import Plan, Ran, Reference, run
from .schedule import REPLICAS, Schedule, schedule_of

TARGET = REPOSITORY / "build" / "chaos"
# What is tried is the way of a recording: a few extractors, with a series and an attachment, go it as fifteen do.
SETTINGS = {
    "DAWNCHORUS_EXTRACTORS": '["loudness","spectral","levels","fingerprint"]',
    "DAWNCHORUS_EXTRACTOR_TIMEOUT_S": "120",
}


_SHA256 = re.compile("[0-9a-f]{64}")


def main() -> int:
    """Run every seed; print a line of the table for each."""
    asked = _asked()
    reference: Reference | None = None
    ran: list[Ran] = []
    with tempfile.TemporaryDirectory(prefix="dawnchorus-results-") as kept:
        for seed in range(asked.first, asked.first + asked.seeds):
            with tempfile.TemporaryDirectory(prefix="dawnchorus-chaos-") as scratch:
                plan = replace(_plan(asked, seed, Path(scratch)), kept=Path(kept))
                ran.append(_run(plan, Path(scratch) / "run", reference))
            reference = ran[-1].reference
            _tell(ran[-1])
            _keep_differing(ran[-1], Path(kept))
    reports = [report.facts(each) for each in ran]
    say(report.table(reports))
    say(report.accepting_table(reports))
    return 0 if all(each.verdict.passed for each in ran) else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long faults come in each run")
    parser.add_argument("--sabotage", choices=SABOTAGED, help="what to take away")
    return parser.parse_args()


def _plan(asked: argparse.Namespace, seed: int, folder: Path) -> Plan:
    sent = contents(folder / "contents")
    if asked.sabotage:
        return provoked(asked.sabotage, sent, SETTINGS)
    schedule = schedule_of(seed, 60 * asked.minutes)
    patches = {name: (f"clock={skew}",) for name, skew in schedule.skews_s.items()}
    return Plan(schedule, sent, fault_s=60 * asked.minutes, replicas=REPLICAS, patches=patches, settings=SETTINGS)


def _run(plan: Plan, folder: Path, reference: Reference | None) -> Ran:
    say(f"seed {plan.schedule.seed}: {len(plan.schedule.faults)} faults, clocks {_skewed(plan.schedule)}")
    try:
        return run(plan, folder, reference)
    finally:
        logs = TARGET / f"seed-{plan.schedule.seed}-logs"
        shutil.rmtree(logs, ignore_errors=True)
        shutil.copytree(folder / "logs", logs, dirs_exist_ok=True)


def _keep_differing(ran: Ran, kept: Path) -> None:
    """Copy both sides of what is wrong, so that somebody can look at them."""
    target = TARGET / f"seed-{ran.plan.schedule.seed}-differing"
    shutil.rmtree(target, ignore_errors=True)
    for digest in {found for each in ran.verdict.findings["wrong"] for found in _SHA256.findall(each)}:
        if (kept / digest).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(kept / digest, target / digest)


def _skewed(schedule: Schedule) -> str:
    return ", ".join(f"{name} {skew:+} s" for name, skew in schedule.skews_s.items()) or "right"


def _tell(ran: Ran) -> None:
    for each in ran.injected:
        what = f"{each.fault.at_s:6.1f} s  {each.fault.kind:<12} {each.fault.target}"
        say(f"{what:<50} {each.reason or f'for {(each.ended_s or 0) - (each.began_s or 0):.1f} s'}")
    for verdict, sentences in ran.verdict.findings.items():
        for sentence in sentences:
            say(f"{verdict}: {sentence}")
    say(f"Written: {report.write(ran, TARGET).relative_to(REPOSITORY)}")


if __name__ == "__main__":
    sys.exit(main())
