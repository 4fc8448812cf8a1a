import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from litestar.serialization import encode_json, get_serializer

from chassis.health import Health
from services.gateway.app import create_api
from services.gateway.described import EXAMPLES
from services.gateway.progress import ProgressBoard
from services.gateway.settings import GatewaySettings

METHODS = {"get", "head", "post", "put", "patch", "delete"}
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"

# From its third version on Litestar wants parameters and dependencies marked as such.
pytestmark = pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    settings = GatewaySettings(
        amqp_url="", mongodb_url="", s3_access_key_id="", s3_secret_access_key="", internal_token=""
    )
    api = create_api(settings, Health(), ProgressBoard())
    made: dict[str, Any] = json.loads(encode_json(api.openapi_schema.to_schema(), get_serializer(api.type_encoders)))
    return made


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_description(document: dict[str, Any]) -> None:
    operations = [operation for _, operation in _operations(document)]

    assert len({each["operationId"] for each in operations}) == len(operations)
    assert [each["operationId"] for each in operations if not each.get("tags") or not each.get("description")] == []


def test_every_summary_is_the_first_line_of_the_description(document: dict[str, Any]) -> None:
    operations = [operation for _, operation in _operations(document)]

    others = [each for each in operations if each.get("summary") != each["description"].splitlines()[0]]
    assert [each["operationId"] for each in others] == []
    assert [each["operationId"] for each in operations if len(each["summary"]) > 120] == []


@pytest.mark.parametrize("status", ["400", "401", "403", "429", "503"])
def test_every_operation_may_answer_with_the_common_problems(document: dict[str, Any], status: str) -> None:
    assert _without(document, status, lambda path, operation: True) == []


def test_what_a_path_names_may_be_missing(document: dict[str, Any]) -> None:
    assert _without(document, "404", lambda path, operation: "{" in path) == []


def test_a_body_may_be_too_large(document: dict[str, Any]) -> None:
    assert _without(document, "413", lambda path, operation: "requestBody" in operation) == []


def test_every_error_is_a_problem_document_with_an_example(document: dict[str, Any]) -> None:
    errors = [
        (operation["operationId"], status, answer.get("content", {}))
        for _, operation in _operations(document)
        for status, answer in operation["responses"].items()
        if status >= "4"
    ]

    assert [each[:2] for each in errors if list(each[2]) != [PROBLEM_JSON]] == []
    assert [each[:2] for each in errors if not each[2][PROBLEM_JSON].get("examples")] == []


def test_every_body_and_answer_of_json_has_an_example_that_is_valid(document: dict[str, Any]) -> None:
    faults = {name: list(_faults(document, media)) for name, media in _json_of(document)}

    assert {name: found for name, found in faults.items() if found} == {}


def test_an_example_is_of_an_operation(document: dict[str, Any]) -> None:
    operations = {operation["operationId"] for _, operation in _operations(document)}

    assert {path.name.split(".")[0] for path in EXAMPLES.iterdir()} <= operations


def _json_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    # The answer to HEAD has no body.
    operations = [each for item in document["paths"].values() for method, each in item.items() if method != "head"]
    for operation in operations:
        asked = operation.get("requestBody", {}).get("content", {})
        answered = next(iter(operation["responses"].values())).get("content", {})
        for kind, content in (("request", asked), ("answer", answered)):
            if JSON in content:
                yield f"{operation['operationId']} {kind}", content[JSON]


def _faults(document: dict[str, Any], media: dict[str, Any]) -> Iterator[str]:
    if not media.get("examples"):
        yield "there is no example"
    for example in media.get("examples", {}).values():
        validator = jsonschema.Draft202012Validator({**document, **media["schema"]})
        yield from (f"{each.json_path}: {each.message[:200]}" for each in validator.iter_errors(example["value"]))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((path, operation) for method, operation in item.items() if method in METHODS)


def _without(document: dict[str, Any], status: str, concerns: Any) -> list[str]:
    asked = [operation for path, operation in _operations(document) if concerns(path, operation)]
    return [each["operationId"] for each in asked if status not in each["responses"]]
