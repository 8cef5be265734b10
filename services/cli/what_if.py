"""The command that asks what would have been refused or allowed under other policies."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.api.replayable import ReplayedPart, Replaying
from services.api.what_if import Group, WhatIf, WhatIfPart, added_up
from services.cli.asking import Asked, asked, meant
from services.cli.failures import NotUnderstood
from services.cli.output import Column, JsonLines, counted, line, short, table
from services.cli.policy_file import read_policy
from services.cli.progress import Progress
from services.cli.words import Commands, asking, spans

CALLS = ("the first calls", "the last calls (now)")
"""Between which two moments they were made."""
R = TypeVar("R", bound=ReplayedPart)


def add(commands: Commands) -> None:
    what = "recorded calls of a period, decided once more as if another policy had stood"
    supposing = asking(commands, "what-if", _what_if, what)
    document = supposing.add_mutually_exclusive_group(required=True)
    document.add_argument("--policy", metavar="FILE", help="an identity policy, in JSON; - is standard input")
    document.add_argument("--scp", metavar="FILE", help="a service control policy that stands besides")
    place = supposing.add_mutually_exclusive_group()
    place.add_argument("--attach-to", metavar="PRINCIPAL", help="with --policy: a user, group or role has it besides")
    place.add_argument(
        "--in-place-of-all-of", metavar="PRINCIPAL", help="with --policy: a user or role has only this, and no group"
    )
    place.add_argument("--instead-of", metavar="ARN", help="with --policy: the text of this managed policy")
    place.add_argument("--attach-scp-to", metavar="root|account|ID", help="with --scp: root, account or a unit (root)")
    spans(supposing, *CALLS, required=True)


def _what_if(chosen: argparse.Namespace) -> None:
    """Raises NotUnderstood where it is not clear what is supposed."""
    parameters: dict[str, object] = {
        "policy": None if chosen.policy is None else read_policy(chosen.policy),
        "scp": None if chosen.scp is None else read_policy(chosen.scp),
    }
    names = ("attach_to", "in_place_of_all_of", "instead_of", "attach_scp_to", "since", "until")
    parameters |= {name: getattr(chosen, name) for name in names}
    placed = {chosen.attach_to, chosen.in_place_of_all_of, chosen.instead_of} != {None}
    if placed != (chosen.policy is not None) or (chosen.attach_scp_to is not None and chosen.scp is None):
        raise NotUnderstood(
            "suppose one thing: either --policy with one of --attach-to, --in-place-of-all-of and --instead-of, or "
            "--scp, with --attach-scp-to or without"
        )
    meant(WhatIf, parameters)
    with asked(chosen) as answering:
        found = added_up(whole(answering, WhatIf, parameters))
    if chosen.output == "json":
        JsonLines().show([found])
        return
    _show(found)


def whole(answering: Asked, question: type[Replaying[R]], parameters: Mapping[str, object]) -> tuple[R, ...]:
    """All the answers that together cover the span, in order."""
    progress, parts = Progress(), list[R]()
    going: dict[str, object] = {}
    while not parts or parts[-1].stopped_position is not None:
        part = answering.ask(meant(question, {**parameters, **going}))
        parts.append(part)
        if part.stopped_position is not None:
            first = parts[0].since_position
            progress.tell("going through calls", part.stopped_position + 1 - first, part.until_position + 1 - first)
            # The calls that ask are calls too: the end stays where it was first.
            going = {"since": f"p{part.stopped_position + 1}", "until": f"p{part.until_position}"}
    progress.clear()
    return tuple(parts)


def _show(found: WhatIfPart) -> None:
    changed = [group for group in found.groups if group.first_changed is not None]
    line(
        f"Of {counted(found.calls, 'call')}, positions {found.since_position} to {found.until_position}, "
        f"{found.now_refused:,} would be refused and {found.now_allowed:,} allowed; {found.unchanged:,} end as "
        "they did."
    )
    if found.without_decision:
        line(f"Of {found.without_decision:,} no policy was asked.")
    if found.undecidable:
        line(f"{found.undecidable:,} CANNOT BE DECIDED again; the first: {found.undecidable_because}")
    if found.by_other_evaluator:
        line(f"{found.by_other_evaluator:,} were decided by another version of the evaluator, and may differ for that.")
    line(found.not_modelled)
    if changed:
        line("")
        table(_columns(found.account_id)).show(changed)


def _columns(account_id: str) -> Sequence[Column[Group]]:
    return (
        Column("PRINCIPAL", lambda group: short(group.principal_arn, account_id), shrinks=True),
        Column("OPERATION", lambda group: f"{group.service}:{group.operation}"),
        Column("CALLS", lambda group: str(group.calls)),
        Column("REFUSED", lambda group: str(group.now_refused)),
        Column("ALLOWED", lambda group: str(group.now_allowed)),
        Column("FIRST", lambda group: f"p{group.first_changed.position}" if group.first_changed else None),
        Column("WHY", lambda group: group.first_changed.why if group.first_changed else None, shrinks=True),
    )
