"""Asking questions for a command: of a server, or of the database."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pydantic

from domain.foundation.errors import ValidationError
from services.api.contract.question import ROWS_MAX, Answer, Page, Question
from services.cli.lib.output import Column, cut, make_output
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import UsageError

GIVEN_CHARACTERS_MAX = 200
"""Of a value that is refused."""

A = TypeVar("A", bound=Answer)
P = TypeVar("P", bound=Page)
T = TypeVar("T")


class QuestionClient(Protocol):
    """Whoever answers questions: a server, or the database."""

    def ask(self, question: Question[A]) -> A: ...


@contextmanager
def open_client(args: argparse.Namespace) -> Iterator[QuestionClient]:
    # Each of the two is slow to import, and only one is needed.
    if not args.local:
        from services.cli.lib.remote import RemoteClient  # noqa: PLC0415

        yield RemoteClient(args.profile, args.endpoint_url)
        return
    from services.cli.lib.local import open_local_client  # noqa: PLC0415

    with open_local_client(args) as operator:
        yield operator


def ask(args: argparse.Namespace, question: type[Question[A]], parameters: Mapping[str, object]) -> A:
    """One answer. Raises UsageError before anybody is asked."""
    built = build_question(question, parameters)
    with open_client(args) as client:
        return client.ask(built)


def show_pages(
    args: argparse.Namespace,
    question: type[Question[P]],
    parameters: Mapping[str, object],
    rows_of: Callable[[P], Sequence[T]],
    columns: Sequence[Column[T]],
    rows_max: int | None = None,
    exported: Sequence[Column[T]] = (),
    first: Callable[[P], None] = lambda _page: None,
) -> int:
    """Asks page after page and shows each when it has come; `first` is told the first. Gives the number of rows."""
    build_question(question, parameters)
    showing, progress = make_output(args, columns, exported), Progress()
    shown, marker = 0, None
    try:
        with open_client(args) as client:
            while rows_max is None or shown < rows_max:
                size = ROWS_MAX if rows_max is None else min(ROWS_MAX, rows_max - shown)
                page = client.ask(build_question(question, {**parameters, "limit": size, "marker": marker}))
                if marker is None:
                    first(page)
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


def collect_pages(
    args: argparse.Namespace, question: type[Question[P]], parameters: Mapping[str, object]
) -> Iterator[P]:
    """All pages, for what can only be shown whole."""
    marker = None
    build_question(question, parameters)
    with open_client(args) as client:
        while True:
            page = client.ask(build_question(question, {**parameters, "limit": ROWS_MAX, "marker": marker}))
            yield page
            marker = page.marker
            if marker is None:
                return


def build_question(question: type[Question[A]], parameters: Mapping[str, object]) -> Question[A]:
    """Raises UsageError for what no server would take."""
    try:
        built = question.model_validate({name: value for name, value in parameters.items() if value is not None})
        _ = built.moment  # Is read here, and not when it was given.
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, given = first["loc"][0], cut(str(first["input"]), GIVEN_CHARACTERS_MAX)
        expected = first["msg"] if given else "expected a name, an ARN or an id, such as alice"
        raise UsageError(f"{name} cannot be {given!r}: {expected}") from error
    except ValidationError as refusal:
        raise UsageError(refusal.message) from refusal
    return built
