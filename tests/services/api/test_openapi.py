"""The description of the native API: whole, sound, and the same as the one in docs/."""

import asyncio
import json
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from services.api.contract.question import ROWS_DEFAULT, ROWS_MAX, Question
from services.api.contract.questions import QUESTIONS
from services.api.server import openapi
from services.api.server.native_protocol import STATUSES
from services.asgi import AsgiApp

WRITTEN = Path(__file__).parents[3] / "docs" / "openapi.json"
COMMAND = ".venv/bin/python -m services.api.server.openapi > docs/openapi.json"
DESCRIPTION: dict[str, Any] = openapi.description()

EACH = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)


def operation(question: type[Question[Any]]) -> dict[str, Any]:
    found: dict[str, Any] = DESCRIPTION["paths"][question.path][question.method.lower()]
    return found


def parameter(question: type[Question[Any]], name: str) -> dict[str, Any]:
    (found,) = (each for each in operation(question)["parameters"] if each["name"] == name)
    described: dict[str, Any] = found
    return described


def parts(of: object) -> Iterator[dict[str, Any]]:
    """Every object in it, itself included."""
    if isinstance(of, dict):
        yield of
        for inner in of.values():
            yield from parts(inner)
    elif isinstance(of, list):
        for inner in of:
            yield from parts(inner)


def test_the_copy_in_docs_is_this_one() -> None:
    """Who reads it there reads what a server tells."""
    assert json.loads(WRITTEN.read_text()) == DESCRIPTION, f"The native API has changed. Write it again: {COMMAND}"


def test_every_reference_leads_somewhere() -> None:
    """And nothing that is described for references is without one."""
    references = {part["$ref"] for part in parts(DESCRIPTION) if "$ref" in part}
    described = {
        f"#/components/{kind}/{name}"
        for kind, components in DESCRIPTION["components"].items()
        if kind != "securitySchemes"
        for name in components
    }
    assert references == described


@EACH
def test_every_question_is_described(question: type[Question[Any]]) -> None:
    """Under its method and path, with its name, what it is about, the permission that it needs and its answer."""
    described = operation(question)
    assert described["operationId"] == question.__name__
    assert f"`muniment:{question.__name__}`" in described["description"]
    assert ("`muniment:TimeTravel`" in described["description"]) == (question.moment is not Question.moment)
    assert (question.__doc__ or "").split("\n")[0] in described["description"]
    assert "$ref" in described["responses"]["200"]["content"]["application/json"]["schema"]
    names = [each["operationId"] for path in DESCRIPTION["paths"].values() for each in path.values()]
    assert names.count(question.__name__) == 1


@EACH
def test_every_parameter_has_its_place(question: type[Question[Any]]) -> None:
    """Those in the path, and only they, are declared as such, and cannot be left out; the others stand in the query of
    a GET and in the body of a POST, and none is null there."""
    described = operation(question)
    in_path = set(re.findall(r"\{(\w+)\}", question.path))
    declared = {each["name"]: each["in"] for each in described["parameters"]}
    in_body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    assert {name for name, place in declared.items() if place == "path"} == in_path
    assert all(parameter(question, name)["required"] for name in in_path)
    assert {*declared, *in_body.get("properties", {})} == {*question.model_fields}
    assert len(declared) == len(described["parameters"])
    assert question.method == "POST" or not in_body
    assert all(part.get("type") != "null" for part in parts(described["parameters"]))


def test_constraints_are_told() -> None:
    """Bounds, patterns, defaults and what cannot be left out."""
    (who_can,) = (question for question in QUESTIONS if question.__name__ == "WhoCan")
    limit = parameter(who_can, "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": ROWS_DEFAULT}
    assert not limit["required"]
    action = parameter(who_can, "action")
    assert (action["required"], action["schema"]["maxLength"]) == (True, 128)
    assert re.fullmatch(action["schema"]["pattern"], "iam:GetUser")
    (can_assume,) = (question for question in QUESTIONS if question.__name__ == "CanAssume")
    assert parameter(can_assume, "role")["description"] == "By name, `role/` and name, ARN or unique id."


@EACH
def test_every_refusal_is_described(question: type[Question[Any]]) -> None:
    """Each status with the codes that it stands for, and for all one form; and how a request is signed."""
    told = operation(question)["responses"]
    assert told.keys() == {"200"} | {str(status) for status in STATUSES.values()}
    responses = DESCRIPTION["components"]["responses"]
    for code, status in STATUSES.items():
        assert code in responses[str(status)]["description"].split(", ")
    assert DESCRIPTION["security"] == [{"signature": []}]
    assert DESCRIPTION["components"]["securitySchemes"]["signature"]["name"] == "Authorization"


def test_anybody_may_read_it() -> None:
    """It is served without a signature: the gate is not asked."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    nobody: Any = None
    door = AsgiApp(nobody, (), nobody, ())
    scope = {"type": "http", "method": "GET", "raw_path": b"/v1/openapi.json", "query_string": b"", "headers": []}
    asyncio.run(door(scope, receive, send))
    begin, body = sent
    assert (begin["status"], (b"content-type", b"application/json") in begin["headers"]) == (200, True)
    assert json.loads(body["body"]) == DESCRIPTION
