"""Every handler. Importing this registers them all, and fails where they and the questions do not fit."""

import re
from collections.abc import Iterator

from services.api import handlers
from services.api.contract.questions import QUESTIONS
from services.api.handlers.handler import DECISIONS, HANDLERS
from services.wire.operations import import_modules

import_modules(handlers)


def misfits() -> Iterator[str]:
    """What is wrong with the questions and their handlers, in sentences."""
    for question in QUESTIONS:
        if question not in HANDLERS:
            yield f"No handler answers {question.__name__}."
    for question in {**HANDLERS, **DECISIONS}:
        if question not in QUESTIONS:
            yield f"{question.__name__} has a handler and is not in QUESTIONS."
    asked: dict[tuple[str, str], str] = {}
    for question in QUESTIONS:
        route = question.method, re.sub(r"{\w+}", "{}", question.path)
        if (other := asked.setdefault(route, question.__name__)) != question.__name__:
            yield f"{other} and {question.__name__} are both asked with {question.method} {question.path}."


if found := list(misfits()):
    raise TypeError(" ".join(found))
