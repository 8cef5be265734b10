"""The command `organization`: sets, shows and removes it, as the operator on the database itself."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from domain.families.organization import Organization
from domain.rules.organization import nodes_allowing_nothing
from services.cli.lib.arguments import add_command, add_operator_table_arguments, add_subcommands
from services.cli.lib.operator_database import operator_ledger
from services.cli.lib.organization_file import InvalidFile, organization_to_json, parse_organization
from services.cli.lib.output import Column, JsonLines, make_output
from services.cli.lib.terminal import Failure, os_error_text, print_line, print_note
from services.organization import OrganizationEffect, get_organization, remove_organization, set_organization


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    set_ = add_command(commands, "set", "apply the organization described in a file, to all accounts at once")
    add_operator_table_arguments(set_, _set)
    set_.add_argument("file", metavar="FILE", help="a tree of units, accounts and policies, as JSON")
    show = add_command(commands, "show", "show the organization that is in force; json: as a file for `set`")
    add_operator_table_arguments(show, _show)
    remove = add_command(commands, "remove", "remove the organization: its policies no longer limit any account")
    add_operator_table_arguments(remove, _remove)


INDENT = "  "


def _set(args: argparse.Namespace) -> None:
    """Raises Failure for a file that cannot be read or understood; nothing is asked then."""
    organization = _read(args.file)
    with operator_ledger(args) as ledger:
        effects = set_organization(ledger.committer, organization)
    make_output(args, EFFECTS).show(effects)
    for node in nodes_allowing_nothing(organization):
        print_note(
            f"No policy attached to {node} allows anything: all actions are denied in the accounts at or below it."
        )


def _remove(args: argparse.Namespace) -> None:
    with operator_ledger(args) as ledger:
        effects = remove_organization(ledger.committer)
    make_output(args, EFFECTS).show(effects)


def _show(args: argparse.Namespace) -> None:
    with operator_ledger(args) as ledger:
        organization = get_organization(ledger.committer)
    if organization is None:
        print_note("There is no organization.")
    elif args.output == "json":
        JsonLines().show([organization_to_json(organization)])
    else:
        for told in _tree(organization):
            print_line(told)


def _read(file: str) -> Organization:
    try:
        return parse_organization(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"Cannot read the organization. {os_error_text(error)}.") from error
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is not in UTF-8: byte {error.start}.") from error
    except InvalidFile as refused:
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
        profile = "" if node.lifecycle_profile is None else f"; lifecycle profile {node.lifecycle_profile}"
        lines.append(f"{INDENT * (depth + 1)}{named}{manages}: {attached}{profile}")
    return lines


EFFECTS: Sequence[Column[OrganizationEffect]] = (
    Column("ACCOUNT", lambda effect: effect.account_id),
    Column("CHANGE", lambda effect: effect.change),
    Column("FROM POSITION", lambda effect: None if effect.position is None else str(effect.position)),
)
