"""The command that asks what a principal holds and can do."""

import argparse
from collections.abc import Mapping, Sequence

from domain.read_models.permissions import HeldPolicy
from services.api.contract.access_between import HeldInterval, ListAllHeldPolicies, ListHeldPolicies
from services.api.contract.permissions import ListPermissions
from services.api.contract.statements import StatementName, StatementReach
from services.cli.lib.arguments import add_historical_arguments, add_interval_arguments, span_parameters
from services.cli.lib.client import ask
from services.cli.lib.interval_output import END_COLUMNS, note_bearers, show_span
from services.cli.lib.output import Column, JsonLines, short_arn, short_time, stdout_table
from services.cli.lib.terminal import Colour, UsageError, print_heading, print_line, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "name, ARN or unique id of a user, group or role; with --from it may be left out: of every user and role"
    parser.add_argument("principal", metavar="PRINCIPAL", nargs="?", help=what)
    add_interval_arguments(parser)
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    between = span_parameters(args)
    if args.principal is None:
        if between is None:
            raise UsageError("Whose permissions? Expected a PRINCIPAL, or --from, which lists those of everybody.")
        show_span(args, ListAllHeldPolicies, between, lambda page: page.intervals, HELD_BY_ALL)
        return
    if between:
        parameters = {"principal": args.principal, **between}
        if not show_span(args, ListHeldPolicies, parameters, lambda page: page.intervals, HELD, note_bearers):
            print_note(f"{args.principal} held no policy.")
        return
    found = ask(args, ListPermissions, {"principal": args.principal, "as_of": args.as_of})
    if args.output == "json":
        JsonLines().show([found])
        return
    if not found.policies:
        print_note(f"The {found.kind} {found.name} held no policy at position {found.position}.")
        return
    print_line("POLICIES", Colour.BOLD)
    stdout_table(_permissions(found.account_id), wide=args.wide).show(found.policies)
    print_heading("What they say")
    stdout_table(REACH, wide=args.wide).show(
        [granted for layer in found.can for granted in (*layer.allows, *layer.denies)]
    )


def _join(texts: Sequence[str], *, negated: bool) -> str:
    return ("all but " if negated else "") + ", ".join(texts)


def _conditions(conditions: Mapping[str, Mapping[str, Sequence[str]]]) -> str | None:
    text = [f"{name} {key} {' or '.join(values)}" for name, keys in conditions.items() for key, values in keys.items()]
    return "; ".join(text) or None


def _statement(name: StatementName) -> str:
    return f"{name.policy}, statement {name.sid or name.index}"


def _held(held: HeldInterval) -> str:
    """An inline policy by its name: whose it is, the other columns say."""
    return held.source_id.partition("/")[2] if held.source_type == "inline" else held.source_id


def _permissions(account_id: str) -> Sequence[Column[HeldPolicy]]:
    return (
        Column("POLICY", lambda held: held.policy_arn or held.policy_name, least=15),
        Column("VERSION", lambda held: held.version_id or "inline"),
        Column("THROUGH", lambda held: f"group {held.through.group_name}" if held.through else None),
        Column("SINCE", _since),
        Column("BY", lambda held: short_arn(held.since.by, account_id), least=10),
    )


def _since(held: HeldPolicy) -> str:
    """When it was held, and by the entity itself or a group that it was in."""
    return short_time(max(held.since.at, held.through.since.at) if held.through else held.since.at)


HELD: Sequence[Column[HeldInterval]] = (
    Column("POLICY", _held),
    Column("VERSION", lambda held: held.version_id or held.source_type),
    Column("LAYER", lambda held: held.layer.value),
    Column("THROUGH", lambda held: held.through),
    *END_COLUMNS,
)
HELD_BY_ALL: Sequence[Column[HeldInterval]] = (Column("PRINCIPAL", lambda held: f"{held.kind}/{held.name}"), *HELD)
REACH: Sequence[Column[StatementReach]] = (
    Column("LAYER", lambda granted: granted.statement.layer.value),
    Column("EFFECT", lambda granted: granted.statement.effect.value),
    Column("ACTION", lambda granted: _join(granted.action, negated=granted.not_action), wraps=True),
    Column("RESOURCE", lambda granted: _join(granted.on, negated=granted.not_on), wraps=True),
    Column("CONDITION", lambda granted: _conditions(granted.conditions), wraps=True),
    Column("POLICY", lambda granted: _statement(granted.statement), wraps=True, least=20),
)
