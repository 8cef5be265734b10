"""The commands that ask who can do something, and who can assume a role."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.policy import Effect
from services.api.contract.access import CanAssume, PrincipalAccess, PrincipalsPage, WhoCan
from services.api.contract.access_between import AccessInterval, AccessIntervalsPage, CouldAssume, WhoCould
from services.api.contract.question import Question
from services.cli.lib.arguments import Commands, add_historical_command, add_interval_arguments, span_parameters
from services.cli.lib.client import show_pages
from services.cli.lib.interval_output import END_COLUMNS, show_span
from services.cli.lib.output import Column, arn_resource, print_note


def add(commands: Commands) -> None:
    who = add_historical_command(
        commands, "who-can", _who_can, "everybody in the account who may do an action to a resource"
    )
    who.add_argument("action", metavar="ACTION", help="such as iam:CreateUser")
    who.add_argument("resource", metavar="RESOURCE", help="an ARN, or '*' where the action is about no single resource")
    assume = add_historical_command(
        commands, "can-assume", _can_assume, "everybody who may assume a role, from other accounts too"
    )
    assume.add_argument("role", metavar="ROLE", help="name or ARN of a role of the account")
    for asked in (who, assume):
        add_interval_arguments(asked)
        asked.add_argument("--everybody", action="store_true", help="tell also of those who may not, and why")


def _who_can(chosen: argparse.Namespace) -> None:
    parameters = {"action": chosen.action, "on": chosen.resource, "everybody": chosen.everybody or None}
    if between := span_parameters(chosen):
        _show_intervals(
            chosen, WhoCould, {**parameters, **between}, f"Nobody could {chosen.action} on {chosen.resource}."
        )
        return
    _show_principals(chosen, WhoCan, parameters, f"Nobody can {chosen.action} on {chosen.resource}.")


def _can_assume(chosen: argparse.Namespace) -> None:
    parameters = {"role": chosen.role, "everybody": chosen.everybody or None}
    if between := span_parameters(chosen):
        _show_intervals(chosen, CouldAssume, {**parameters, **between}, f"Nobody could assume {chosen.role}.")
        return
    _show_principals(chosen, CanAssume, parameters, f"Nobody can assume {chosen.role}.")


def _show_principals(
    chosen: argparse.Namespace, question: type[Question[PrincipalsPage]], parameters: Mapping[str, object], if_none: str
) -> None:
    parameters = {**parameters, "as_of": chosen.as_of}
    unseen: set[str] = set()

    def rows(page: PrincipalsPage) -> Sequence[PrincipalAccess]:
        unseen.update(page.unseen)
        return page.principals

    if not show_pages(chosen, question, parameters, rows, PRINCIPALS):
        print_note(if_none)
    _print_unseen(sorted(unseen))


def _show_intervals(
    chosen: argparse.Namespace,
    question: type[Question[AccessIntervalsPage]],
    parameters: Mapping[str, object],
    if_none: str,
) -> None:
    if not show_span(
        chosen, question, parameters, lambda page: page.intervals, INTERVALS, lambda page: _print_unseen(page.unseen)
    ):
        print_note(if_none)


def _print_unseen(account_ids: Iterable[str]) -> None:
    for account_id in account_ids:
        which = "other accounts" if account_id == "*" else f"the account {account_id}"
        print_note(
            f"Nothing is told of {which}, trusted by the role: ask from the account that manages their organisation."
        )


def _principal(interval: AccessInterval) -> str:
    """The account behind the name, where it does no harm to cut it."""
    found = interval.principal
    name = arn_resource(found.arn) if found.account_id else found.arn
    return f"{name} {found.account_id or ''}".rstrip()


def _why(interval: AccessInterval) -> str:
    return "; ".join([*dict.fromkeys(_dependencies(interval.principal)), interval.principal.reason])


def _access(interval: AccessInterval) -> str:
    return interval.principal.access + ("" if interval.complete else ", or as time goes")


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
    Column("WHY", _why, shrinks=True),
)
