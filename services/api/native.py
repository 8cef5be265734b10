"""The native API's language: JSON under /v1, signed like any AWS call, for the service `muniment`."""

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import pydantic
from pydantic_core import from_json

from domain.account import Account
from domain.calls import Outcome
from domain.errors import Refusal, Throttling, ValidationError
from projections.asof import AsOf
from services.api.answers import Answer
from services.api.operations import SERVICE
from services.api.questions import Question
from services.api.reading import Tables
from services.api.registry import QUESTIONS
from services.wire import operations
from services.wire.errors import COMMON_STATUSES, UnknownPath
from services.wire.gate import Asked, Write
from services.wire.http import RawRequest
from services.wire.parse import form_fields
from services.wire.reading import excerpt
from services.wire.sigv4 import Presented

READERS = 4
"""Threads that read answers; the pool of connections has as many."""
READS_WAITING_MAX = 256

STATUSES = COMMON_STATUSES | {"InvalidInput": HTTPStatus.BAD_REQUEST, "NoSuchEntity": HTTPStatus.NOT_FOUND}


class Native:
    """One event loop's."""

    services = (SERVICE,)
    content_type = "application/json"

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="muniment-reading")
        self._reading = 0

    def read(self, raw: RawRequest, presented: Presented, now: datetime) -> Asked:
        name = ""
        try:
            asked_for, captured = _route(raw.method, presented.path)
            name = asked_for.__name__
            question = _question(asked_for, captured, raw)
            if question.moment is not None:
                AsOf.parse(question.moment, now)
            parameters = question.model_dump(mode="json", exclude_unset=True)
            return Asked(name, operations.find(SERVICE, name), parameters, write=self._writing(question, now))
        except Refusal as refusal:
            return Asked(name, operations.find(SERVICE, name), {}, refusal.as_value())

    def refused(self, refusal: Refusal, _service: str | None, request_id: str) -> tuple[int, bytes]:
        error = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
        return STATUSES[refusal.code], json.dumps({"error": error}).encode()

    def _writing(self, question: Question[Answer], now: datetime) -> Write:
        async def write(_outcome: Outcome, account: Account, position: int, _request_id: str) -> bytes:
            if self._reading >= READS_WAITING_MAX:
                raise Throttling(f"{self._reading} answers are being read.")
            self._reading += 1
            try:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(
                    self._threads, self._tables.answer, question, account.id, position, now
                )
            finally:
                self._reading -= 1
            return answer.model_dump_json().encode()

        return write


def _route(method: str, path: bytes) -> tuple[type[Question[Answer]], dict[str, str]]:
    """The question that is asked there, and the parameters in the path. Raises UnknownPath."""
    segments = path.split(b"/")
    for question in QUESTIONS:
        template = question.path.encode("ascii").split(b"/")
        if question.method != method or len(template) != len(segments):
            continue
        captured: dict[str, str] = {}
        for expected, segment in zip(template, segments, strict=True):
            if name := re.fullmatch(rb"\{(\w+)\}", expected):
                captured[name[1].decode("ascii")] = _decoded(segment)
            elif expected != segment:
                break
        else:
            return question, captured
    known = ", ".join(f"{question.method} {question.path}" for question in QUESTIONS)
    raise UnknownPath(f"Nothing is answered there; expected one of {known}, and %2F for a slash in a name.")


def _decoded(segment: bytes) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise ValidationError("The path is not text in UTF-8.") from None


def _question(asked_for: type[Question[Answer]], captured: Mapping[str, str], raw: RawRequest) -> Question[Answer]:
    """From the query string of a GET, the JSON of a POST. Raises ValidationError and MalformedQueryString."""
    query = {name: value for name, value in form_fields(b"", raw.query).items() if not name.startswith("X-Amz-")}
    given: Mapping[str, object] = query
    if asked_for.method == "GET" and raw.body:
        raise ValidationError(f"{asked_for.__name__} takes no body; its parameters stand in the query string.")
    if asked_for.method == "POST":
        if query:
            raise ValidationError(f"{asked_for.__name__} takes its parameters as JSON, not in the query string.")
        given = _object(raw.body)
    if twice := sorted(captured.keys() & given.keys()):
        raise ValidationError(f"{', '.join(twice)} stands in the path already.")
    try:
        return asked_for.model_validate({**given, **captured})
    except pydantic.ValidationError as error:
        raise ValidationError(_told(error)) from None


def _object(body: bytes) -> dict[str, object]:
    try:
        given = from_json(body) if body else {}
    except ValueError as error:
        raise ValidationError(f"The body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValidationError("The body must be a JSON object.")
    return given


def _told(error: pydantic.ValidationError) -> str:
    """What was wrong with each parameter and what was expected, in AWS's manner."""
    told = [
        f"Unknown parameter '{excerpt(str(failure['loc'][0]))}'"
        if failure["type"] == "extra_forbidden"
        else f"Value '{excerpt(str(failure['input']))}' at '{failure['loc'][0]}' is refused: {failure['msg']}"
        for failure in error.errors(include_url=False, include_context=False)
    ]
    return f"{len(told)} validation error{'s' if len(told) > 1 else ''} detected: {'; '.join(told)}"
