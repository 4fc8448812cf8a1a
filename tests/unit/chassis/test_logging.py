"""What log lines say, and what they never do."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chassis.errors import UnprocessableError
from chassis.faults import fault_of
from chassis.log_fields import FIELDS, HIDDEN, hide_secrets, keep_known_fields
from tests.audio import REPOSITORY

PROGRAM = """
import logging, structlog
from chassis.logging import configure_logging
configure_logging("test", "INFO")
structlog.get_logger().info("recording_accepted", recording_id="0192", file_name="owl.wav")
logging.getLogger("library").warning("cannot reach amqp://user:hush@broker/")
try:
    raise ValueError("mongodb://user:hush@database/")
except ValueError:
    structlog.get_logger().exception("request_crashed")
"""


def test_a_process_writes_json_lines_with_known_fields_and_without_secrets() -> None:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout

    accepted, library, crashed = (json.loads(line) for line in said.splitlines())
    assert (accepted["event"], accepted["service"], accepted["recording_id"]) == ("recording_accepted", "test", "0192")
    assert accepted["dropped"] == ["file_name"]
    assert library["event"] == f"cannot reach amqp://{HIDDEN}@broker/"
    assert "ValueError" in crashed["exception"]
    assert "hush" not in said
    assert "owl" not in said


@pytest.mark.parametrize(
    "secret",
    [
        "amqp://user:hush@broker:5672/",
        "key dc_4f2a_hush-hush_hush refused",
        "Authorization: Bearer hush.hush",
        "token eyJhush.eyJhush.hush",
        "http://s3/x?X-Amz-Credential=hush%2F2026&X-Amz-Signature=hush",
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(secret: str) -> None:
    assert "hush" not in hide_secrets(None, "", {"reason": secret})["reason"]


def test_what_is_no_secret_stays() -> None:
    line = {"reason": "S3 did not answer PutObject audio/0192f0c1/original: http://s3:9000/", "attempt": 2}

    assert hide_secrets(None, "", dict(line)) == line
    assert keep_known_fields(None, "", dict(line)) == line


def test_every_field_that_the_code_writes_is_known() -> None:
    written = {name for path in ("chassis", "services") for name in _fields(path)}

    # What a fault says is told as a whole.
    assert written - {"exc_info"} - FIELDS == set()
    assert set(fault_of(UnprocessableError("x")).model_dump()) <= FIELDS


def _fields(package: str) -> Iterator[str]:
    for path in (REPOSITORY / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _logs(node.func):
                yield from (each.arg for each in node.keywords if each.arg is not None)


def _logs(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id="log")):
            return True
        case ast.Attribute(attr="bound_contextvars" | "bind_contextvars"):
            return True
    return False
