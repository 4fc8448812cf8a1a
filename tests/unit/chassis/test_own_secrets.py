import os
import subprocess
import sys

from tests.audio import REPOSITORY

SECRETS = {
    "AMQP_URL": "amqp://me:secret-of-rabbitmq@127.0.0.1",
    "MONGODB_URL": "mongodb://me:secret-of-mongodb@127.0.0.1/dawnchorus",
    "S3_ACCESS_KEY_ID": "secret-of-s3-id",
    "S3_SECRET_ACCESS_KEY": "secret-of-s3-key",
    "DAWNCHORUS_INTERNAL_TOKEN": "secret-of-ours",
}

SERVICE = """
import asyncio
from chassis.jobs import Limits, open_job_pool
from chassis.own_secrets import forget_secrets
from services.ingest.settings import IngestSettings
from tests.unit.chassis.misdeeds import read_environments

async def main():
    settings = IngestSettings()
    forget_secrets(settings)
    async with open_job_pool(1, Limits(1_000_000_000)) as pool:
        print(await pool.run(read_environments, timeout_s=60))
    print("still known: " + settings.internal_token.get_secret_value())

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_child_finds_no_secret_in_any_environment() -> None:
    environment = {**os.environ, **SECRETS, "DAWNCHORUS_LOG_LEVEL": "DEBUG"}

    done = subprocess.run(
        [sys.executable, "-c", SERVICE], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    read, known = done.stdout.rsplit("still known: ", 1)
    assert "DAWNCHORUS_LOG_LEVEL" in read
    assert "secret-of" not in read
    assert known.strip() == SECRETS["DAWNCHORUS_INTERNAL_TOKEN"]
