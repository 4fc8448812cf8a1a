"""The report of runs: a table for people, JSON for programs."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .checker import VERDICTS
from .recorded import ACKNOWLEDGED, TASKS
from .run import Ran

COUNTS = ("attempted", "acknowledged", "refused", "completed", *VERDICTS)
ALSO = ("duplicate_executions", "repeated_events", "conflicting_events", "orphans", "parked", "restarts")
CALM = "no fault"


def facts(ran: Ran) -> dict[str, Any]:
    """Return everything about a run that JSON holds."""
    verdict = ran.verdict
    counts = {name: getattr(verdict, name) for name in (*COUNTS[:4], *ALSO[:-1])}
    return {
        "seed": ran.plan.schedule.seed,
        "passed": verdict.passed,
        **counts,
        **{name: verdict.count(name) for name in VERDICTS},
        "restarts": len(ran.restarts),
        "recovery_s": round(ran.recovery_s, 1),
        "took_s": round(ran.took_s, 1),
        "objects_of_reference": sum(
            len(task.get("objects", ())) for each in ran.reference.values() for task in _tasks(each)
        ),
        "skews_s": ran.plan.schedule.skews_s,
        "findings": verdict.findings,
        "accepting_ms": accepting(ran),
        "faults": [asdict(each) for each in ran.injected],
        "uploads": [asdict(each) for each in ran.uploads],
    }


def accepting(ran: Ran) -> dict[str, dict[str, float]]:
    """Return by fault how long it took until a recording was taken, of the requests that were answered so."""
    took_s: defaultdict[str, list[float]] = defaultdict(list)
    for upload in ran.uploads:
        for attempt in upload.attempts:
            if attempt.status in ACKNOWLEDGED:
                for fault in attempt.faults or (CALM,):
                    took_s[fault].append(attempt.took_s)
    return {name: _quantiles_ms(sorted(each)) for name, each in sorted(took_s.items())}


def write(ran: Ran, folder: Path) -> Path:
    """Write `seed-N.json`; return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{ran.plan.schedule.seed}.json"
    path.write_text(json.dumps(facts(ran), indent=1, default=str))
    return path


def table(reports: Iterable[Mapping[str, Any]]) -> str:
    """Return one line per run, as a table of Markdown."""
    columns = ("seed", *COUNTS, *ALSO, "faults", "recovery_s", "verdict")
    lines = [_line(columns), _line(["---:"] * (len(columns) - 1) + ["---"])]
    for each in reports:
        injected = [fault for fault in each["faults"] if fault["reason"] is None]
        shown = {**each, "faults": len(injected), "verdict": "passed" if each["passed"] else "**failed**"}
        lines.append(_line(str(shown[name]) for name in columns))
    return "\n".join(lines)


def accepting_table(reports: Iterable[Mapping[str, Any]]) -> str:
    """Return how long it took to take a recording under each fault, over all runs: the worst p99, the median p50."""
    by_fault: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
    for report in reports:
        for name, figures in report["accepting_ms"].items():
            by_fault[name].append(figures)
    lines = [_line(("under", "taken", "p50 ms", "p99 ms")), _line(("---", "---:", "---:", "---:"))]
    for name, each in sorted(by_fault.items()):
        p50 = sorted(figures["p50"] for figures in each)[len(each) // 2]
        lines.append(
            _line((name, f"{sum(f['count'] for f in each):.0f}", f"{p50:.0f}", f"{max(f['p99'] for f in each):.0f}"))
        )
    return "\n".join(lines)


def _tasks(outcome: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [outcome[kind] for kind in TASKS if kind in outcome]


def _quantiles_ms(took_s: list[float]) -> dict[str, float]:
    def rank(share: float) -> float:
        return round(1000 * took_s[math.ceil(share * len(took_s)) - 1], 1)

    return {"count": len(took_s), "p50": rank(0.5), "p99": rank(0.99)}


def _line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
