"""The native API's protocol: JSON under /v1, signed like any AWS call, for the service `muniment`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import pydantic
from pydantic_core import from_json

from domain.foundation.errors import Refusal, ValidationError
from services.api.contract.question import SERVICE, Answer, Question
from services.api.contract.questions import QUESTIONS
from services.api.handlers import registry as handlers
from services.api.handlers.handler import Decided
from services.api.server import operations
from services.api.server.answer_runner import AnswerRunner
from services.api.server.operations import bind_question, operation_of
from services.fair_pool import FairPool
from services.fair_queue import Places
from services.wire.errors import COMMON_ERROR_STATUSES, UnknownPath
from services.wire.form_input import form_fields
from services.wire.input_shapes import excerpt
from services.wire.json_input import PARTS_MAX
from services.wire.protocol import CommittedOutcome, ParsedRequest, RenderedRefusal, WireProtocol
from services.wire.raw_request import RawRequest
from services.wire.routes import match_path
from services.wire.time_travel import RequestPath

REGISTERED = (operations, handlers)
"""What importing registers: the native operations, and what answers them."""
READERS = 4
"""Threads that read answers, besides those of the reserved lane; the pool of connections has as many."""
READS_WAITING_MAX = (256, 64, 32)
"""In all, of an account, of a principal."""

STATUSES = COMMON_ERROR_STATUSES | {
    "EntityAlreadyExists": HTTPStatus.CONFLICT,
    "InvalidInput": HTTPStatus.BAD_REQUEST,
    "LimitExceeded": HTTPStatus.CONFLICT,
    "MalformedPolicyDocument": HTTPStatus.BAD_REQUEST,
    "NoSuchEntity": HTTPStatus.NOT_FOUND,
    "OperationNotPermittedException": HTTPStatus.BAD_REQUEST,
}


@dataclass(frozen=True, slots=True)
class ReceivedQuestion:
    question: Question[Answer]
    at: datetime
    """When it came."""


class NativeProtocol(WireProtocol[ReceivedQuestion]):
    services = (SERVICE,)
    content_type = "application/json"
    tells_history = True

    def __init__(self, tables: AnswerRunner) -> None:
        self._tables = tables
        self._workers = FairPool("reading", threads=READERS, places=Places(*READS_WAITING_MAX))

    def serves(self, _request: RawRequest, path: RequestPath) -> bool:
        """Its questions have the moment among their parameters."""
        return path.moment is None and path.path.startswith(b"/v1/")

    def read(self, request: RawRequest, path: bytes, _service: str, now: datetime) -> ParsedRequest[ReceivedQuestion]:
        asked_for: type[Question[Answer]] | None = None
        try:
            asked_for, in_path = _route(request.method, path)
            question = _question(asked_for, in_path, request)
            if question.moment is not None:
                question.moment.as_of(now)
            parameters = question.model_dump(mode="json", exclude_unset=True)
            operation, shape = bind_question(question), ReceivedQuestion(question, now)
            return ParsedRequest(asked_for.__name__, operation, parameters, shape=shape)
        except Refusal as refusal:
            known = None if asked_for is None else operation_of(asked_for)
            return ParsedRequest(known.name if known else "", known, {}, refusal.as_value())

    async def write(self, shape: ReceivedQuestion, committed: CommittedOutcome) -> bytes:
        account_id, position = committed.account.id, committed.position
        decided = committed.result()["decided"]
        assert isinstance(decided, Decided)

        def write() -> bytes:
            answer = self._tables.answer(shape.question, account_id, position, shape.at, decided)
            return answer.model_dump_json().encode()

        return await self._workers.run(committed.turn, write)

    def close(self) -> None:
        self._workers.close()

    def refuse(self, refusal: Refusal, _service: str | None, request_id: str) -> RenderedRefusal:
        error = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
        return RenderedRefusal(STATUSES[refusal.code], json.dumps({"error": error}).encode())


def _route(method: str, path: bytes) -> tuple[type[Question[Answer]], dict[str, str]]:
    """The question that is asked there, and the parameters in the path. Raises UnknownPath."""
    for question in QUESTIONS:
        if question.method == method and (found := match_path(question.path, path)) is not None:
            return question, found
    known = ", ".join(f"{question.method} {question.path}" for question in QUESTIONS)
    raise UnknownPath(f"Nothing is at this path; expected one of {known}, and %2F for a slash in a name.")


def _question(asked_for: type[Question[Answer]], in_path: Mapping[str, str], raw: RawRequest) -> Question[Answer]:
    """From the query string of a GET, the JSON of a POST. Raises ValidationError and MalformedQueryString."""
    query = {name: value for name, value in form_fields(b"", raw.query).items() if not name.startswith("X-Amz-")}
    given: Mapping[str, object] = query
    if asked_for.method == "GET" and raw.body:
        raise ValidationError(f"{asked_for.__name__} takes no body; its parameters go in the query string.")
    if asked_for.method == "POST":
        if query:
            raise ValidationError(f"{asked_for.__name__} takes its parameters as JSON, not in the query string.")
        given = _object(raw.body)
    if twice := sorted(in_path.keys() & given.keys()):
        raise ValidationError(f"{', '.join(twice)} is already given in the path.")
    try:
        return asked_for.model_validate({**given, **in_path})
    except pydantic.ValidationError as error:
        raise ValidationError(_validation_message(error)) from None


def _object(body: bytes) -> dict[str, object]:
    if (parts := body.count(b",") + body.count(b":")) > PARTS_MAX:
        raise ValidationError(f"The body has {parts} commas and colons: at most {PARTS_MAX} are read.")
    try:
        given = from_json(body) if body else {}
    except ValueError as error:
        raise ValidationError(f"The body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValidationError("The body must be a JSON object.")
    return given


def _validation_message(error: pydantic.ValidationError) -> str:
    """What was wrong with each parameter and what was expected, in AWS's manner."""
    messages = [
        f"Unknown parameter '{excerpt(str(failure['loc'][0]))}'"
        if failure["type"] == "extra_forbidden"
        else f"Value '{excerpt(str(failure['input']))}' at '{failure['loc'][0]}' is refused: {failure['msg']}"
        for failure in error.errors(include_url=False, include_context=False)
    ]
    return f"{len(messages)} validation error{'s' if len(messages) > 1 else ''} detected: {'; '.join(messages)}"
