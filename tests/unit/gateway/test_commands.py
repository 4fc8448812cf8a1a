import os
import subprocess
import sys

import pytest

from deploy.local.ports import free_ports
from tests.audio import REPOSITORY


@pytest.mark.parametrize("words", [("dead-letters", "list"), ("keys", "list")], ids=" ".join)
def test_a_command_whose_database_is_down_says_so_in_a_sentence(words: tuple[str, ...]) -> None:
    environment = {
        **os.environ,
        "MONGODB_URL": f"mongodb://127.0.0.1:{next(free_ports())}/dawnchorus",
        "DAWNCHORUS_MONGODB_TIMEOUT_S": "0.2",
        "AMQP_URL": "amqp://127.0.0.1",
        "S3_ACCESS_KEY_ID": "none",
        "S3_SECRET_ACCESS_KEY": "none",
        "DAWNCHORUS_INTERNAL_TOKEN": "none",
    }
    command = [sys.executable, "-m", "services.gateway", *words]

    done = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("MongoDB does not answer, or refuses:")
