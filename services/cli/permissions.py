"""The command that asks what a principal holds and can do."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from projections.permissions import HeldPolicy
from services.api.between import HeldInterval, ListHeldPolicies
from services.api.permissions import ListPermissions
from services.api.reach import Granted, StatementName
from services.cli.asking import asked, meant
from services.cli.output import Column, JsonLines, say, table, time
from services.cli.spanning import ENDS, show_span
from services.cli.words import Commands, intervals, reading, span


def add(commands: Commands) -> None:
    what = "the policies of a principal, how it has them, and what can be done with them"
    held = reading(commands, "permissions", _permissions, what)
    held.add_argument("principal", metavar="PRINCIPAL", help="name, ARN or unique id of a user, group or role")
    intervals(held)


def _permissions(chosen: argparse.Namespace) -> None:
    if between := span(chosen):
        parameters = {"principal": chosen.principal, **between}
        if not show_span(chosen, ListHeldPolicies, parameters, lambda page: page.intervals, HELD):
            say(f"{chosen.principal} held no policy.")
        return
    with asked(chosen) as answering:
        found = answering.ask(meant(ListPermissions, {"principal": chosen.principal, "as_of": chosen.as_of}))
    if chosen.output == "json":
        JsonLines().show([found])
        return
    table(PERMISSIONS).show(found.policies)
    if not found.policies:
        say(f"The {found.kind} {found.name} held no policy at position {found.position}.")
        return
    sys.stdout.write("\n")
    table(REACH).show([granted for layer in found.can for granted in (*layer.allows, *layer.denies)])


def _listed(texts: Sequence[str], *, negated: bool) -> str:
    return ("all but " if negated else "") + ", ".join(texts)


def _conditions(conditions: Mapping[str, Mapping[str, Sequence[str]]]) -> str | None:
    told = [
        f"{operator} {key} {' or '.join(values)}"
        for operator, keys in conditions.items()
        for key, values in keys.items()
    ]
    return "; ".join(told) or None


def _statement(name: StatementName) -> str:
    return f"{name.source_id} {name.sid or name.index}"


def _held(held: HeldInterval) -> str:
    """An inline policy by its name: whose it is, the other columns say."""
    return held.source_id.partition("/")[2] if held.source_type == "inline" else held.source_id


PERMISSIONS: Sequence[Column[HeldPolicy]] = (
    Column("POLICY", lambda held: held.policy_arn or held.policy_name, shrinks=True),
    Column("VERSION", lambda held: held.version_id or "inline"),
    Column("THROUGH", lambda held: f"group {held.through.group_name}" if held.through else None, shrinks=True),
    Column("SINCE", lambda held: time(max(held.since.at, held.through.since.at) if held.through else held.since.at)),
    Column("BY", lambda held: held.since.by, shrinks=True),
)
HELD: Sequence[Column[HeldInterval]] = (
    Column("POLICY", _held, shrinks=True),
    Column("VERSION", lambda held: held.version_id or held.source_type),
    Column("LAYER", lambda held: held.layer.value),
    Column("THROUGH", lambda held: held.through),
    *ENDS,
)
REACH: Sequence[Column[Granted]] = (
    Column("LAYER", lambda granted: granted.statement.layer.value),
    Column("EFFECT", lambda granted: granted.statement.effect.value),
    Column("ACTION", lambda granted: _listed(granted.action, negated=granted.not_action), shrinks=True),
    Column("RESOURCE", lambda granted: _listed(granted.on, negated=granted.not_on), shrinks=True),
    Column("CONDITION", lambda granted: _conditions(granted.conditions), shrinks=True),
    Column("POLICY", lambda granted: _statement(granted.statement), shrinks=True),
)
