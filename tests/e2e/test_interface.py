"""The running stack against its own OpenAPI document, with requests that nobody thought of."""

from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.fuzzing.running import SETTINGS, fuzz
from tests.system import running_system

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

# With fewer there is not much that could have come to light.
CASES = 1500
# It is completed only when it has all its parts.
NEVER_TAKEN = {"POST /v1/uploads/{upload_id}/complete"}


def test_every_answer_is_one_that_the_document_names(servers: Servers, tmp_path: Path) -> None:
    with running_system(tmp_path / "system", servers, SETTINGS) as system:
        fuzzed = fuzz(system, tmp_path, "--max-examples", "10", "--seed", "20")

    assert fuzzed.status == 0, fuzzed.output
    assert fuzzed.cases > CASES
    assert set(fuzzed.refused) <= NEVER_TAKEN
