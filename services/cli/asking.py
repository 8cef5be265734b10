"""Asking questions for a command: of a server, or of the database."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pydantic

from domain.errors import ValidationError
from services.api.answers import Answer, Page
from services.api.question import ROWS_MAX, Question
from services.cli.failures import Failure, NotUnderstood
from services.cli.output import Column, output
from services.cli.progress import Progress
from services.settings import SettingRefused, settings

A = TypeVar("A", bound=Answer)
P = TypeVar("P", bound=Page)
T = TypeVar("T")


class Asked(Protocol):
    """Whoever answers questions: a server, or the database."""

    def ask(self, question: Question[A]) -> A: ...


@contextmanager
def asked(chosen: argparse.Namespace) -> Iterator[Asked]:
    # Each of the two is slow to import, and only one is needed.
    if not chosen.local:
        from services.cli.remote import Remote  # noqa: PLC0415

        yield Remote(chosen.profile, chosen.endpoint_url)
        return
    from services.cli.local import opened  # noqa: PLC0415

    try:
        found = settings(os.environ, data=chosen.data)
    except SettingRefused as error:
        raise Failure(str(error)) from error
    with opened(found, chosen.account_id) as operator:
        yield operator


def show(
    chosen: argparse.Namespace,
    question: type[Question[P]],
    parameters: Mapping[str, object],
    rows_of: Callable[[P], Sequence[T]],
    columns: Sequence[Column[T]],
    rows_max: int | None = None,
    exported: Sequence[Column[T]] = (),
) -> int:
    """Asks page after page and shows each when it has come. Gives the number of rows."""
    showing, progress = output(chosen.output, columns, exported), Progress()
    shown, marker = 0, None
    try:
        with asked(chosen) as answering:
            while rows_max is None or shown < rows_max:
                size = ROWS_MAX if rows_max is None else min(ROWS_MAX, rows_max - shown)
                page = answering.ask(meant(question, {**parameters, "limit": size, "marker": marker}))
                rows = rows_of(page)
                showing.show(rows)
                shown += len(rows)
                marker = page.marker
                if marker is None:
                    break
                if not sys.stdout.isatty():
                    progress.tell(f"{shown:,} rows", 0, 0)
    finally:
        progress.clear()
    return shown


def meant(question: type[Question[A]], parameters: Mapping[str, object]) -> Question[A]:
    """Raises NotUnderstood for what no server would take."""
    try:
        return question.model_validate({name: value for name, value in parameters.items() if value is not None})
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, given = first["loc"][0], str(first["input"])
        expected = first["msg"] if given else "expected a name, an ARN or an id, such as alice"
        raise NotUnderstood(f"{name} cannot be {given!r}: {expected}") from error
    except ValidationError as refusal:
        raise NotUnderstood(refusal.message) from refusal
