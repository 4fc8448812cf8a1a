from typing import Any

import httpx
import pytest

from chassis.problems import PROBLEM_JSON, ProblemError
from services.gateway.forwarding import IngestUnavailableError
from services.gateway.passing import passed_on

PROBLEM = {"status": 422, "code": "too_long", "detail": "It is too long.", "next_step": "Cut it.", "recording_id": "r"}


def test_what_a_service_says_of_a_request_is_passed_on() -> None:
    passed = passed_on(_answer(422, PROBLEM), IngestUnavailableError)

    assert isinstance(passed, ProblemError)
    assert (passed.status, passed.code, passed.next_step) == (422, "too_long", "Cut it.")
    assert passed.extra == {"recording_id": "r"}


def test_a_service_that_does_not_take_us_for_one_of_its_own_is_no_fault_of_the_client() -> None:
    said = {"status": 401, "code": "not_authenticated", "detail": "Only services of this installation."}

    passed = passed_on(_answer(401, said), IngestUnavailableError)

    assert isinstance(passed, IngestUnavailableError)
    assert passed.code == "ingest_unavailable"


@pytest.mark.parametrize("status", [404, 431, 502])
def test_who_answers_without_a_problem_is_not_the_service(status: int) -> None:
    answer = httpx.Response(status, text="<html>", request=httpx.Request("POST", "http://ingest/recordings"))

    assert isinstance(passed_on(answer, IngestUnavailableError), IngestUnavailableError)


def _answer(status: int, said: dict[str, Any]) -> httpx.Response:
    request = httpx.Request("POST", "http://ingest/recordings")
    return httpx.Response(status, json=said, headers={"content-type": PROBLEM_JSON}, request=request)
