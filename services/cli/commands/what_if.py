"""The command that asks what would have been refused or allowed under other policies."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.api.contract.replay import ReplayedPart, ReplayQuestion
from services.api.contract.what_if import CallGroup, WhatIf, WhatIfPart, merge_parts
from services.cli.lib.arguments import Commands, add_question_command, add_span_arguments
from services.cli.lib.client import QuestionClient, build_question, open_client
from services.cli.lib.failures import UsageError
from services.cli.lib.output import Column, JsonLines, count_noun, print_line, short_arn, stdout_table
from services.cli.lib.policy_file import read_policy
from services.cli.lib.progress import Progress

CALLS = ("the first calls", "the last calls (now)")
"""Between which two moments they were made."""
PartT = TypeVar("PartT", bound=ReplayedPart)


def add(commands: Commands) -> None:
    what = "recorded calls of a period, decided once more as if another policy had stood"
    supposing = add_question_command(commands, "what-if", _what_if, what)
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
    add_span_arguments(supposing, *CALLS, required=True)


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
        raise UsageError(
            "suppose one thing: either --policy with one of --attach-to, --in-place-of-all-of and --instead-of, or "
            "--scp, with --attach-scp-to or without"
        )
    build_question(WhatIf, parameters)
    with open_client(chosen) as answering:
        found = merge_parts(ask_whole_span(answering, WhatIf, parameters))
    if chosen.output == "json":
        JsonLines().show([found])
        return
    _show(found)


def ask_whole_span(
    answering: QuestionClient, question: type[ReplayQuestion[PartT]], parameters: Mapping[str, object]
) -> tuple[PartT, ...]:
    """All the answers that together cover the span, in order."""
    progress, parts = Progress(), list[PartT]()
    going: dict[str, object] = {}
    while not parts or parts[-1].stopped_position is not None:
        part = answering.ask(build_question(question, {**parameters, **going}))
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
    print_line(
        f"Of {count_noun(found.calls, 'call')}, positions {found.since_position} to {found.until_position}, "
        f"{found.now_refused:,} would be refused and {found.now_allowed:,} allowed; {found.unchanged:,} end as "
        "they did."
    )
    if found.without_decision:
        print_line(f"Of {found.without_decision:,} no policy was asked.")
    if found.undecidable:
        print_line(f"{found.undecidable:,} CANNOT BE DECIDED again; the first: {found.undecidable_because}")
    if found.by_other_evaluator:
        print_line(
            f"{found.by_other_evaluator:,} were decided by another version of the evaluator, and may differ for that."
        )
    print_line(found.not_modelled)
    if changed:
        print_line("")
        stdout_table(_columns(found.account_id)).show(changed)


def _columns(account_id: str) -> Sequence[Column[CallGroup]]:
    return (
        Column("PRINCIPAL", lambda group: short_arn(group.principal_arn, account_id), shrinks=True),
        Column("OPERATION", lambda group: f"{group.service}:{group.operation}"),
        Column("CALLS", lambda group: str(group.calls)),
        Column("REFUSED", lambda group: str(group.now_refused)),
        Column("ALLOWED", lambda group: str(group.now_allowed)),
        Column("FIRST", lambda group: f"p{group.first_changed.position}" if group.first_changed else None),
        Column("WHY", lambda group: group.first_changed.why if group.first_changed else None, shrinks=True),
    )
