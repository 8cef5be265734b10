"""Every handler. Importing this registers them all, and fails where a question has none."""

from services.api.contract.questions import QUESTIONS
from services.api.handlers import (
    access,
    access_between,
    containment,
    credentials,
    decisions,
    diff,
    history,
    least_privilege,
    lineage,
    permissions,
    sessions,
    tracing,
    unusual,
    what_if,
)
from services.api.handlers.handler import HANDLERS

REGISTERED = (
    access, access_between, containment, credentials, decisions, diff, history, least_privilege, lineage, permissions,
    sessions, tracing, unusual, what_if,
)  # fmt: skip


def unanswered() -> list[str]:
    """The questions that no handler answers."""
    return [question.__name__ for question in QUESTIONS if question not in HANDLERS]


if missing := unanswered():
    raise TypeError(f"No handler answers {', '.join(missing)}.")
