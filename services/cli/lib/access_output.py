"""Principals and their access, at a moment and over time."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.policy import Effect
from services.api.contract.access import PrincipalAccess, PrincipalsPage
from services.api.contract.access_between import AccessInterval, AccessIntervalsPage
from services.api.contract.question import Question
from services.cli.lib.arguments import add_interval_arguments
from services.cli.lib.client import show_pages
from services.cli.lib.interval_output import END_COLUMNS, show_span
from services.cli.lib.output import Column, arn_resource
from services.cli.lib.terminal import print_note


def add_access_arguments(parser: ArgumentParser) -> None:
    add_interval_arguments(parser)
    parser.add_argument("--everybody", action="store_true", help="also list the principals that cannot, and why")


def show_principals(
    args: Namespace, question: type[Question[PrincipalsPage]], parameters: Mapping[str, object], if_none: str
) -> None:
    parameters = {**parameters, "as_of": args.as_of}
    unseen: set[str] = set()

    def rows(page: PrincipalsPage) -> Sequence[PrincipalAccess]:
        unseen.update(page.unseen)
        return page.principals

    if not show_pages(args, question, parameters, rows, PRINCIPALS):
        print_note(if_none)
    _print_unseen(sorted(unseen))


def show_intervals(
    args: Namespace, question: type[Question[AccessIntervalsPage]], parameters: Mapping[str, object], if_none: str
) -> None:
    if not show_span(
        args, question, parameters, lambda page: page.intervals, INTERVALS, lambda page: _print_unseen(page.unseen)
    ):
        print_note(if_none)


def _print_unseen(account_ids: Iterable[str]) -> None:
    for account_id in account_ids:
        which = "other accounts" if account_id == "*" else f"the account {account_id}"
        print_note(
            f"Principals of {which}, trusted by the role, are not listed: ask from the management account of their "
            "organization."
        )


def _principal(interval: AccessInterval) -> str:
    """The account behind the name, where it does no harm to cut it."""
    found = interval.principal
    name = arn_resource(found.arn) if found.account_id else found.arn
    return f"{name} {found.account_id or ''}".rstrip()


def _reason(interval: AccessInterval) -> str:
    return "; ".join([*dict.fromkeys(_dependencies(interval.principal)), interval.principal.reason])


def _access(interval: AccessInterval) -> str:
    return interval.principal.access + ("" if interval.complete else ", or time-dependent")


def _dependencies(found: PrincipalAccess) -> Iterator[str]:
    for dependence in found.depends_on:
        verb = "if" if dependence.statement.effect is Effect.ALLOW else "unless"
        yield f"{verb} {' and '.join(dependence.conditions)}"


PRINCIPALS: Sequence[Column[PrincipalAccess]] = (
    Column("PRINCIPAL", lambda found: found.arn),
    Column("ACCESS", lambda found: found.access),
    Column("REASON", lambda found: found.reason, shrinks=True),
    Column("DEPENDS ON", lambda found: ", ".join(dict.fromkeys(_dependencies(found))), shrinks=True),
)

INTERVALS: Sequence[Column[AccessInterval]] = (
    Column("PRINCIPAL", _principal, shrinks=True),
    Column("ACCESS", _access),
    *END_COLUMNS,
    Column("REASON", _reason, shrinks=True),
)
