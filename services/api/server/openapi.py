"""The native API described for programs, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), from the classes
that read its requests and write its answers: what is asked and answered is described, by construction.

Run as a program, it writes the description to the standard output.
"""

import ast
import asyncio
import inspect
import json
import re
import sys
import uuid
from collections import defaultdict
from functools import cache
from types import ModuleType

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from domain.foundation.moments import MOMENT
from domain.time_travel import TIME_TRAVEL
from services.api.contract.question import SERVICE, Answer, Question
from services.api.contract.questions import QUESTIONS
from services.api.server.native_protocol import STATUSES
from services.api.server.schema_names import PUBLISHED_NAMES, with_published_names
from services.wire.request_pipeline import Response

PATH = b"/v1/openapi.json"
OK = 200

_REFERENCE = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{(\w+)\}")
_SIGNATURE = "AWS Signature Version 4"
_ABOUT = (
    f"Each request is signed like one to AWS ({_SIGNATURE}) for the service `{SERVICE}`, and allowed by policies of "
    "the account whose key signs it. Times are RFC 3339. A list comes in pages: `marker`, where it is not null, asks "
    "for the next. An answer tells things as they were right after the call that asks, or at the moment `as_of`. A "
    f"moment is {MOMENT}."
)
_ERROR: JsonSchemaValue = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "enum": sorted(STATUSES)},
                "message": {"type": "string", "description": "What was wrong, and what was expected."},
                "request_id": {"type": "string"},
            },
        }
    },
}
_POSITION: JsonSchemaValue = {
    "description": "Of the call's own last event in the account's ledger.",
    "schema": {"type": "integer", "minimum": 1},
}


async def answer() -> Response:
    """It tells nothing of anybody, so nobody has to sign for it."""
    body = await asyncio.to_thread(_text)
    return Response(OK, body.encode(), str(uuid.uuid4()), content_type="application/json")


def description() -> JsonSchemaValue:
    """The whole document."""
    answers = {question: question.answer_type() for question in QUESTIONS}
    described: list[tuple[type[BaseModel], JsonSchemaMode]] = [(question, "validation") for question in QUESTIONS]
    described += [(shape, "serialization") for shape in dict.fromkeys(answers.values())]
    references, found = models_json_schema(described, ref_template=_REFERENCE, schema_generator=_DocumentedSchema)
    named = {PUBLISHED_NAMES.get(name, name): with_published_names(of) for name, of in found["$defs"].items()}
    schemas: dict[str, JsonSchemaValue] = dict(sorted(named.items()))
    paths: dict[str, JsonSchemaValue] = defaultdict(dict)
    for question, shape in answers.items():
        asked = schemas.pop(question.__name__)
        answered = with_published_names(references[shape, "serialization"])
        paths[question.path][question.method.lower()] = _operation(question, asked, answered)
    return {
        "openapi": "3.1.0",
        "info": {"title": "muniment's native API", "version": "1", "description": _ABOUT},
        "paths": dict(paths),
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "responses": _refusals(),
            "headers": {"Position": _POSITION},
            "securitySchemes": {"signature": _scheme()},
        },
        "security": [{"signature": []}],
    }


@cache
def _text() -> str:
    return json.dumps(description(), indent=2) + "\n"


def _operation(question: type[Question[Answer]], asked: JsonSchemaValue, shape: JsonSchemaValue) -> JsonSchemaValue:
    properties: dict[str, JsonSchemaValue] = asked.get("properties", {})
    in_path = _PLACE.findall(question.path)
    required = set(asked.get("required", ()))
    parameters = [_parameter(name, "path", properties.pop(name), required=True) for name in in_path]
    operation: JsonSchemaValue = {
        "operationId": question.__name__,
        "description": f"{inspect.getdoc(question)}\n\n{_permission(question)}",
        "parameters": parameters,
        "responses": {
            str(OK): {
                "description": "The answer.",
                "headers": {"x-muniment-position": {"$ref": "#/components/headers/Position"}},
                "content": {"application/json": {"schema": shape}},
            },
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted({*STATUSES.values()})},
        },
    }
    if question.method == "GET":
        parameters += [_parameter(name, "query", of, required=name in required) for name, of in properties.items()]
    elif properties:
        body = {"type": "object", "properties": properties, "required": sorted(required - {*in_path})}
        operation["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body | {"additionalProperties": False}}},
        }
    return operation


def _permission(question: type[Question[Answer]]) -> str:
    needed = f"Needs `{SERVICE}:{question.__name__}` on `arn:PARTITION:{SERVICE}::ACCOUNT:{question.resource}`"
    if question.moment is Question.moment:
        return f"{needed}."
    also = ", with `as_of` also" if "as_of" in question.model_fields else " and"
    return f"{needed}{also} `{TIME_TRAVEL}`."


def _parameter(name: str, place: str, schema: JsonSchemaValue, *, required: bool) -> JsonSchemaValue:
    """Nobody can write null there: what is not given is left out."""
    described = {"description": schema.pop("description")} if "description" in schema else {}
    if schema.get("default", "") is None:
        del schema["default"]
    if "anyOf" in schema:
        rest = [each for each in schema.pop("anyOf") if each != {"type": "null"}]
        schema |= rest[0] if len(rest) == 1 else {"anyOf": rest}
    return {"name": name, "in": place, "required": required, **described, "schema": schema}


def _refusals() -> dict[str, JsonSchemaValue]:
    """By status. Any call may be answered with any of them."""
    codes: dict[int, list[str]] = defaultdict(list)
    for code, status in sorted(STATUSES.items()):
        codes[status].append(code)
    schema = {"$ref": _REFERENCE.format(model="Error")}
    return {
        str(status): {"description": ", ".join(of_status), "content": {"application/json": {"schema": schema}}}
        for status, of_status in sorted(codes.items())
    }


def _scheme() -> JsonSchemaValue:
    """OpenAPI has no word for this signature. The extension is Amazon's (Amazon API Gateway Developer Guide,
    "x-amazon-apigateway-authtype property")."""
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": f"{_SIGNATURE}, for the service `{SERVICE}` and any region of the account's partition.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


class _DocumentedSchema(GenerateJsonSchema):
    """With what the classes say of their fields, without titles that repeat names."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _with_notes(schema["cls"], super().model_schema(schema))

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return _with_notes(schema["cls"], super().dataclass_schema(schema))


def _with_notes(of: type, schema: JsonSchemaValue) -> JsonSchemaValue:
    for each in reversed(of.__mro__):
        for name, note in _notes(sys.modules[each.__module__]).get(each.__name__, {}).items():
            if name in schema.get("properties", {}):
                schema["properties"][name] = {"description": note, **schema["properties"][name]}
    return schema


@cache
def _notes(module: ModuleType) -> dict[str, dict[str, str]]:
    """The texts below the fields of the module's classes, which Python does not keep; none of a module of Python's."""
    if not module.__name__.startswith(("domain.", "projections.", "services.")):
        return {}
    found: dict[str, dict[str, str]] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = {}
            for field, below in zip(statement.body, statement.body[1:], strict=False):
                match field, below:
                    case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text)))):
                        found[statement.name][name] = inspect.cleandoc(text)
    return found


if __name__ == "__main__":
    sys.stdout.write(_text())
