"""Principals and their access, at a moment and over time."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.policy import Effect
from services.api.contract.access import PrincipalAccess, PrincipalsPage
from services.api.contract.access_between import AccessInterval, AccessIntervalsPage
from services.api.contract.question import Question
from services.cli.lib.arguments import RunCommand, add_historical_arguments, add_interval_arguments, span_parameters
from services.cli.lib.client import show_pages
from services.cli.lib.interval_output import END_COLUMNS, note_bearers, show_span
from services.cli.lib.output import Column, arn_resource
from services.cli.lib.terminal import Colour, print_note


def add_access_arguments(parser: ArgumentParser, run: RunCommand) -> None:
    add_interval_arguments(parser)
    parser.add_argument("--everybody", action="store_true", help="also list the principals that cannot, and why")
    add_historical_arguments(parser, run)


def show_access(
    args: Namespace,
    question: type[Question[PrincipalsPage]],
    question_between: type[Question[AccessIntervalsPage]],
    parameters: Mapping[str, object],
    what: str,
) -> None:
    """At a moment or, where a span is meant, over it. `what` is what principals can do."""
    parameters = {**parameters, "everybody": args.everybody or None}
    if between := span_parameters(args):
        between_pages: list[AccessIntervalsPage] = []
        if not show_span(
            args,
            question_between,
            {**parameters, **between},
            lambda page: page.intervals,
            INTERVALS,
            between_pages.append,
        ):
            print_note(f"No principal {_examined(between_pages)}could {what}.")
        for page in between_pages:
            note_bearers(page)
        _print_unseen(between_pages)
        return

    pages: list[PrincipalsPage] = []

    def rows(page: PrincipalsPage) -> Sequence[PrincipalAccess]:
        pages[:] = [page]
        return page.principals

    if not show_pages(args, question, {**parameters, "as_of": args.as_of}, rows, PRINCIPALS):
        print_note(f"No principal {_examined(pages)}can {what}.")
    _print_unseen(pages)


def _examined(pages: Iterable[PrincipalsPage | AccessIntervalsPage]) -> str:
    """Where not everybody was: what is said of the others is no all-clear."""
    return "of the accounts examined " if any(page.unseen for page in pages) else ""


def _print_unseen(pages: Iterable[PrincipalsPage | AccessIntervalsPage]) -> None:
    for page in pages:
        if not page.unseen:
            continue
        which = "accounts that you may not see" if "*" in page.unseen else f"account {', '.join(page.unseen)}"
        admitted = ", ".join("everybody" if each == "*" else each for each in page.admitted)
        print_note(
            f"NOT EXAMINED: {which}, outside of your view. There the trust policy admits "
            f"{admitted or 'principals'}, so that principals who are not listed may assume "
            "the role. Ask from the management account of their organization.",
            Colour.YELLOW,
        )


def _principal(interval: AccessInterval) -> str:
    """The account behind the name."""
    found = interval.principal
    name = arn_resource(found.arn) if found.account_id else found.arn
    return f"{name} {found.account_id or ''}".rstrip()


def _reason(interval: AccessInterval) -> str:
    return "; ".join([*dict.fromkeys(_dependencies(interval.principal)), interval.principal.reason])


def _access(interval: AccessInterval) -> str:
    return interval.principal.access + ("" if interval.complete else ", or time-dependent")


def _access_colour(text: str) -> Colour:
    return {"allowed": Colour.GREEN, "denied": Colour.RED}.get(text, Colour.YELLOW)


def _dependencies(found: PrincipalAccess) -> Iterator[str]:
    for dependence in found.depends_on:
        verb = "if" if dependence.statement.effect is Effect.ALLOW else "unless"
        yield f"{verb} {' and '.join(dependence.conditions)}"


PRINCIPALS: Sequence[Column[PrincipalAccess]] = (
    Column("PRINCIPAL", lambda found: found.arn),
    Column("ACCESS", lambda found: found.access, colour=_access_colour),
    Column("REASON", lambda found: found.reason, wraps=True),
    Column("DEPENDS ON", lambda found: ", ".join(dict.fromkeys(_dependencies(found))), wraps=True),
)

INTERVALS: Sequence[Column[AccessInterval]] = (
    Column("PRINCIPAL", _principal),
    Column("ACCESS", _access, wraps=True, colour=_access_colour),
    *END_COLUMNS,
    Column("REASON", _reason, wraps=True),
)
