"""The command that asks what would have been refused or allowed under other policies."""

import argparse
from collections.abc import Sequence

from services.api.contract.what_if import CallGroup, WhatIf, WhatIfPart, merge_parts
from services.cli.lib.arguments import SPAN_OF_CALLS, add_question_arguments, add_span_arguments
from services.cli.lib.client import build_question, open_client
from services.cli.lib.output import Column, JsonLines, count_noun, short_arn, stdout_table
from services.cli.lib.policy_file import read_document
from services.cli.lib.replay_client import ask_whole_span, contained_lines
from services.cli.lib.terminal import UsageError, print_line, print_wrapped


def add_arguments(parser: argparse.ArgumentParser) -> None:
    document = parser.add_mutually_exclusive_group(required=True)
    document.add_argument("--policy", metavar="FILE", help="an identity policy, in JSON; - is standard input")
    document.add_argument("--scp", metavar="FILE", help="an additional service control policy")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--attach-to",
        metavar="PRINCIPAL",
        help="with --policy: in addition to all policies of this user, group or role",
    )
    place.add_argument(
        "--in-place-of-all-of",
        metavar="PRINCIPAL",
        help="with --policy: as the only policy of this user or role, without groups",
    )
    place.add_argument(
        "--instead-of", metavar="POLICY", help="with --policy: in place of the text of this managed policy"
    )
    place.add_argument(
        "--attach-scp-to", metavar="root|account|ID", help="with --scp: root, account or a unit (default: root)"
    )
    parser.add_argument(
        "--exclude-contained",
        action="store_false",
        dest="include_contained",
        help="not what was called with a credential that has been contained, or with what it gave birth to",
    )
    add_span_arguments(parser, *SPAN_OF_CALLS, required=True)
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    """Raises UsageError where it is not clear what is supposed."""
    parameters: dict[str, object] = {
        "policy": None if args.policy is None else read_document(args.policy),
        "scp": None if args.scp is None else read_document(args.scp),
    }
    names = ("attach_to", "in_place_of_all_of", "instead_of", "attach_scp_to", "since", "until", "include_contained")
    parameters |= {name: getattr(args, name) for name in names}
    placed = {args.attach_to, args.in_place_of_all_of, args.instead_of} != {None}
    if placed != (args.policy is not None) or (args.attach_scp_to is not None and args.scp is None):
        raise UsageError(
            "Give one hypothesis: either --policy with one of --attach-to, --in-place-of-all-of and --instead-of, or "
            "--scp, with or without --attach-scp-to."
        )
    build_question(WhatIf, parameters)
    with open_client(args) as client:
        found = merge_parts(ask_whole_span(client, WhatIf, parameters))
    if args.output == "json":
        JsonLines().show([found])
    else:
        _show(found, included=args.include_contained, wide=args.wide)


def _show(found: WhatIfPart, *, included: bool, wide: bool) -> None:
    changed = [group for group in found.groups if group.first_changed is not None]
    print_wrapped(
        f"Of {count_noun(found.calls, 'call')}, positions {found.since_position} to {found.until_position}, "
        f"{found.now_refused:,} would be refused and {found.now_allowed:,} allowed; {found.unchanged:,} end as "
        "they did."
    )
    if found.without_decision:
        print_wrapped(f"For {found.without_decision:,} no policy was evaluated.")
    if found.undecidable:
        print_wrapped(f"{found.undecidable:,} CANNOT BE RE-EVALUATED; the first: {found.undecidable_because}")
    if found.by_other_evaluator:
        print_wrapped(
            f"{found.by_other_evaluator:,} were decided by another version of the evaluator, and may differ for that."
        )
    for line in contained_lines(found.contained, included=included):
        print_wrapped(line)
    print_wrapped(found.not_modelled)
    if changed:
        print_line("")
        stdout_table(_columns(found.account_id), wide=wide).show(changed)


def _columns(account_id: str) -> Sequence[Column[CallGroup]]:
    return (
        Column("PRINCIPAL", lambda group: short_arn(group.principal_arn, account_id)),
        Column("OPERATION", lambda group: f"{group.service}:{group.operation}"),
        Column("CALLS", lambda group: str(group.calls)),
        Column("REFUSED", lambda group: str(group.now_refused)),
        Column("ALLOWED", lambda group: str(group.now_allowed)),
        Column("FIRST", lambda group: f"p{group.first_changed.position}" if group.first_changed else None),
        Column("REASON", lambda group: group.first_changed.why if group.first_changed else None, wraps=True),
    )
