"""Running Schemathesis over a running stack."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.audio import REPOSITORY
from tests.system import System

from .place import prepared

# Quotas would answer most requests; what clients name may be asked on this machine alone.
SETTINGS: Mapping[str, str] = {
    **{f"DAWNCHORUS_{name}_PER_MINUTE": "0" for name in ("READS", "WRITES", "UPLOADS", "SEARCHES", "STREAMS")},
    "DAWNCHORUS_OUTWARD_HTTP": "true",
    "DAWNCHORUS_OUTWARD_NETWORKS": '["127.0.0.0/8"]',
    # Nobody listens there: hundreds of webhooks that are told of every event again and again were all that ran.
    "DAWNCHORUS_WEBHOOK_DELAYS_S": "[0]",
    "DAWNCHORUS_WEBHOOK_DISABLE_AFTER_S": "1",
}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
REPORT = "report.json"
# Its answer has no end: tests/e2e/test_live.py and test_access.py ask for it.
ENDLESS = "listenToEvents"


@dataclass(frozen=True)
class Fuzzed:
    """What came of it.

    report  Schemathesis's own
    output  what it says to people, with every failure and the request that shows it
    """

    status: int
    report: dict[str, Any]
    output: str

    @property
    def cases(self) -> int:
        """How many requests were sent."""
        return int(self.report["test_cases"]["generated"])

    @property
    def operations(self) -> int:
        """How many operations they asked for."""
        return int(self.report["operations"]["tested"])

    @property
    def refused(self) -> list[str]:
        """The operations that took nothing of what they were sent."""
        rates = self.report["valid_rates"].items()
        return [name for name, phases in rates if not any(each["accepted"] for each in phases.values())]


def fuzz(system: System, folder: Path, *arguments: str) -> Fuzzed:
    """Send generated requests of every operation, and compare each answer with the OpenAPI document."""
    report = folder / REPORT
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{system.client.base_url}/schema/openapi.json"),
        *("--header", f"Authorization: {system.client.headers['Authorization']}"),
        *("--exclude-operation-id", ENDLESS, "--checks", ",".join(CHECKS)),
        *("--request-timeout", "60", "--generation-database", "none", "--no-color"),
        *("--report-json-path", str(report), *arguments),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
        "DAWNCHORUS_FUZZED": json.dumps(prepared(system, folder)),
    }
    # It keeps a folder of its own where it runs.
    ran = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    return Fuzzed(ran.returncode, json.loads(report.read_text()), ran.stdout)
