"""The lifecycle profile of a place in the organization, changed by the operator on the database itself."""

import argparse
from collections.abc import Sequence

from domain.families.lifecycle_profiles import LifecycleProfile
from services.cli.lib.operator_database import operator_ledger
from services.cli.lib.output import Column, make_output
from services.cli.lib.terminal import print_note
from services.organization import OrganizationEffect, set_node_profile


def set_unit_profile(args: argparse.Namespace, profile: LifecycleProfile | None) -> None:
    """Shows what it means for each account; None removes it."""
    with operator_ledger(args) as ledger:
        effects = set_node_profile(ledger.committer, args.unit, profile)
    changed = [effect for effect in effects if effect.change != "unchanged"]
    make_output(args, EFFECTS).show(changed)
    if not changed:
        print_note("Nothing has changed for any account.")


EFFECTS: Sequence[Column[OrganizationEffect]] = (
    Column("ACCOUNT", lambda effect: effect.account_id),
    Column("CHANGE", lambda effect: effect.change),
    Column("FROM POSITION", lambda effect: None if effect.position is None else f"p{effect.position}"),
)
