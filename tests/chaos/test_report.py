import json
from pathlib import Path

from .checker import VERDICTS, Verdict
from .recorded import Attempt, Upload
from .report import CALM, accepting_table, facts, table, write
from .run import Injected, Plan, Ran
from .schedule import Fault, Schedule

FAULT = Fault(1.0, "kill", "mongodb", 3.0)


def test_acceptance_is_measured_by_the_faults_that_were_there() -> None:
    ran = _ran(
        Attempt(0.0, 0.1, 202, recording_id="a"),
        Attempt(1.0, 9.0, None, faults=("kill mongodb",)),
        Attempt(2.0, 3.0, 202, recording_id="a", faults=("kill mongodb",)),
        Attempt(3.0, 5.0, 202, recording_id="a", faults=("kill mongodb", "slow all>s3")),
    )

    accepting = facts(ran)["accepting_ms"]

    assert accepting[CALM] == {"count": 1, "p50": 100.0, "p99": 100.0}
    assert accepting["kill mongodb"] == {"count": 2, "p50": 3000.0, "p99": 5000.0}
    assert accepting["slow all>s3"]["count"] == 1


def test_the_table_has_a_line_per_run_and_says_how_it_ended() -> None:
    lines = table([facts(_ran()), facts(_ran(found="lost"))]).splitlines()

    assert len({line.count("|") for line in lines}) == 1
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["passed", "**failed**"]
    assert accepting_table([facts(_ran(Attempt(0.0, 0.1, 200, recording_id="a")))]).splitlines()[-1].startswith("| no")


def test_a_run_is_written_as_json_with_faults_requests_and_findings(tmp_path: Path) -> None:
    written = json.loads(write(_ran(Attempt(0.0, 0.1, 503, "x"), found="stuck"), tmp_path).read_text())

    assert written["seed"] == 4
    assert written["stuck"] == 1
    assert written["findings"]["stuck"] == ["somewhere"]
    assert written["faults"][0]["fault"]["target"] == "mongodb"
    assert written["uploads"][0]["attempts"][0]["status"] == 503


def _ran(*attempts: Attempt, found: str | None = None) -> Ran:
    findings = {name: ("somewhere",) if name == found else () for name in VERDICTS}
    counts = dict.fromkeys(("duplicate_executions", "repeated_events", "conflicting_events", "orphans", "parked"), 0)
    verdict = Verdict(attempted=1, acknowledged=1, refused=0, completed=1, findings=findings, **counts)
    return Ran(
        plan=Plan(Schedule(4, (FAULT,), {}), ()),
        verdict=verdict,
        uploads=(Upload("key", "p", "tone", "aa", list(attempts)),),
        injected=(Injected(FAULT, 1.0, 4.0),),
        restarts=(),
        recovery_s=5.0,
        took_s=60.0,
        reference={},
    )
