"""The running stack against its own OpenAPI document, with requests that nobody thought of."""

from pathlib import Path

import pytest

from deploy.local.servers import running_servers
from tests.fuzzing.running import SETTINGS, fuzz
from tests.system import running_system

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900), pytest.mark.usefixtures("servers")]

# With fewer there is not much that could have come to light.
CASES = 1000
# Chance decides which operations take nothing of what they are sent; of most, something must have come through.
REFUSED_AT_MOST = 0.2


def test_every_answer_is_one_that_the_document_names(tmp_path: Path) -> None:
    # Servers of its own: what is asked of it by chance is in nobody's way, and its extractors are in no other list.
    with (
        running_servers(tmp_path / "servers") as servers,
        running_system(tmp_path / "system", servers, SETTINGS) as system,
    ):
        fuzzed = fuzz(system, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "20", "--seed", "20")

    assert fuzzed.status == 0, fuzzed.output
    assert fuzzed.cases > CASES
    assert len(fuzzed.refused) < REFUSED_AT_MOST * fuzzed.operations, fuzzed.refused
