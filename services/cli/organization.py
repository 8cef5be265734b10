"""The commands that set, show and remove the organisation, as the operator on the database itself."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from domain.organization import Organization
from domain.rules.organization import allowing_nothing
from services.cli.failures import Failure
from services.cli.local import ledger_of
from services.cli.organization_file import FileRefused, read, written
from services.cli.output import Column, JsonLines, line, output, say
from services.cli.rebuilding import operated
from services.organization import Effect, organization_in_force, remove_organization, set_organization

INDENT = "  "


def set_(chosen: argparse.Namespace) -> None:
    """Raises Failure for a file that cannot be read or understood; nothing is asked then."""
    organization = _read(chosen.file)
    with operated(chosen) as database:
        ledger = ledger_of(database)
        with ledger.recording():
            effects = set_organization(ledger.committer, organization)
    output(chosen.output, EFFECTS).show(effects)
    for node in allowing_nothing(organization):
        say(f"No policy attached to {node} allows anything: nobody may do anything in the accounts there or below.")


def remove(chosen: argparse.Namespace) -> None:
    with operated(chosen) as database:
        ledger = ledger_of(database)
        with ledger.recording():
            effects = remove_organization(ledger.committer)
    output(chosen.output, EFFECTS).show(effects)


def show(chosen: argparse.Namespace) -> None:
    with operated(chosen) as database:
        ledger = ledger_of(database)
        with ledger.recording():
            organization = organization_in_force(ledger.committer)
    if organization is None:
        say("There is no organization.")
    elif chosen.output == "json":
        JsonLines().show([written(organization)])
    else:
        for told in _tree(organization):
            line(told)


def _read(file: str) -> Organization:
    try:
        return read(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}.") from error
    except FileRefused as refused:
        raise Failure(f"{file}: {refused}") from refused


def _tree(organization: Organization) -> Sequence[str]:
    """A line for each place, below the one that it stands in."""
    names = {listed.policy.id: listed.policy.name for listed in organization.policies}
    depths: dict[str | None, int] = {None: 0}
    lines = [organization.id]
    for node in organization.nodes:
        depth = depths[node.parent_id]
        depths[node.id] = depth + 1
        named = node.id if node.name == node.id else f"{node.id} {node.name}"
        manages = ", management account" if node.id == organization.management_account_id else ""
        attached = ", ".join(names[policy_id] for policy_id in (*node.scps, *node.rcps))
        lines.append(f"{INDENT * (depth + 1)}{named}{manages}: {attached}")
    return lines


EFFECTS: Sequence[Column[Effect]] = (
    Column("ACCOUNT", lambda effect: effect.account_id),
    Column("CHANGE", lambda effect: effect.change),
    Column("FROM POSITION", lambda effect: None if effect.position is None else str(effect.position)),
)
