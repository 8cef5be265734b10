"""The command that writes the policy for what a principal really did."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.queries.least_privilege import UsedPermission, least_privilege
from services.api.action_catalogue import CATALOGUE
from services.api.contract.least_privilege import GetLeastPrivilege, LeastPrivilegePart, UsedAction
from services.api.contract.replay import merge_contained
from services.api.contract.what_if import WhatIf
from services.cli.lib.arguments import (
    SPAN_OF_CALLS,
    add_compromised_since,
    add_question_arguments,
    add_span_arguments,
    positive_int,
)
from services.cli.lib.client import QuestionClient, build_question, open_client
from services.cli.lib.output import JsonLines, count_noun, short_time
from services.cli.lib.replay_client import ask_whole_span, contained_lines
from services.cli.lib.terminal import Failure, print_note

DAYS_DEFAULT = 90
DAYS_MAX = 36_500
"""Longer than any ledger, and no longer than there are dates."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The document is printed to standard output, and remarks on it to standard error. Exit code 1, and no "
        "document, when the principal used nothing; 1 too when the document is not confirmed, or not all that was to "
        "be left out is known."
    )
    parser.add_argument("principal", metavar="PRINCIPAL", help="name, ARN or unique id of a user or role")
    what = f"without --from: calls of the last so many days (default: {DAYS_DEFAULT})"
    parser.add_argument("--days", type=_days, help=what)
    parser.add_argument(
        "--include",
        action="store_true",
        dest="include_contained",
        help="also what was called with a credential that has been contained, or with what it gave birth to",
    )
    add_compromised_since(parser, "calls from then on do not count")
    add_span_arguments(parser, *SPAN_OF_CALLS)
    add_question_arguments(parser, run)


def _days(text: str) -> int:
    days = positive_int(text)
    if days > DAYS_MAX:
        raise argparse.ArgumentTypeError(f"expected at most {DAYS_MAX:,} days; got {days}")
    return days


def _chosen(args: argparse.Namespace) -> bool:
    """Whether whoever asks has said where the span begins."""
    return args.since is not None or args.days is not None


def run(args: argparse.Namespace) -> None:
    """Raises Failure where nothing was used, and after it has shown a document that is not confirmed."""
    since = args.since or short_time(datetime.now(UTC) - timedelta(days=args.days or DAYS_DEFAULT))
    parameters = {
        "principal": args.principal,
        "since": since,
        "until": args.until,
        "include_contained": args.include_contained,
        "compromised_since": args.compromised_since,
    }
    build_question(GetLeastPrivilege, parameters)
    with open_client(args) as client:
        parts = ask_whole_span(client, GetLeastPrivilege, parameters, since_default=not _chosen(args))
        found = parts[0] if len(parts) == 1 else _merge_parts(client, parts, included=args.include_contained)
    if args.output == "json":
        JsonLines().show([found])
    else:
        _show(found, included=args.include_contained)
    if not args.include_contained and any(each.unknown for each in found.contained):
        raise Failure(
            "NOT ALL LEFT OUT: what some contained credentials did is not known; begin behind it with --from."
        )
    if found.covering is None:
        raise Failure(_used_nothing(found, included=args.include_contained))
    if found.confirmed < found.allowed:
        raise Failure(
            f"NOT CONFIRMED: of {found.allowed:,} calls that were allowed {found.confirmed:,} would be, and "
            f"{found.undecidable:,} cannot be re-evaluated."
        )


def _merge_parts(client: QuestionClient, parts: Sequence[LeastPrivilegePart], *, included: bool) -> LeastPrivilegePart:
    """One document for all of it, confirmed over the whole span."""
    last = parts[-1]
    used: Counter[UsedPermission] = Counter()
    for part in parts:
        for each in part.used:
            used[UsedPermission(each.action, each.resource)] += each.calls
    allowed = sum(part.allowed for part in parts)
    found = least_privilege(used, CATALOGUE)
    confirmed = undecidable = 0
    if found is not None:
        span = {"since": f"p{parts[0].since_position}", "until": f"p{last.until_position}"}
        supposing = {
            "policy": found.document,
            "in_place_of_all_of": last.entity_id,
            "include_contained": included,
            **span,
        }
        replays = ask_whole_span(client, WhatIf, supposing)
        undecidable = sum(replay.undecidable for replay in replays)
        # Whose calls cannot be decided is not told: they may all have been this principal's.
        confirmed = allowed - undecidable - sum(replay.now_refused for replay in replays)
    listed = [UsedAction(action=each.action, resource=each.resource, calls=used[each]) for each in sorted(used)]
    return last.model_copy(
        update={
            "since_position": parts[0].since_position,
            "clipped_to": parts[0].clipped_to,
            "allowed": allowed,
            "refused": sum(part.refused for part in parts),
            "used": tuple(listed),
            "covering": found,
            "confirmed": max(confirmed, 0),
            "undecidable": undecidable,
            "contained": merge_contained(parts),
        }
    )


def _span(found: LeastPrivilegePart) -> str:
    return f"positions {found.since_position} to {found.until_position}"


def _used_nothing(found: LeastPrivilegePart, *, included: bool) -> str:
    left_out = not included and any(each.calls for each in found.contained)
    return (
        f"{found.arn} used nothing{' else' if left_out else ''}, {_span(found)}: it needs no policy, and no document "
        f"was written. Calls that were refused: {found.refused:,}."
    )


def _show(found: LeastPrivilegePart, *, included: bool) -> None:
    for line in contained_lines(found.contained, included=included):
        print_note(line)
    if found.covering is None:
        return
    sys.stdout.write(found.covering.document + "\n")
    print_note(
        f"It covers {count_noun(found.allowed, 'allowed call')} of {found.arn}, {_span(found)}, and would refuse "
        f"{found.allowed - found.confirmed - found.undecidable:,} of them. "
        f"Calls that were refused are not covered: {found.refused:,}."
    )
    fits = ", or ".join(found.covering.fits) or "no quota: divide it into several managed policies"
    print_note(f"Its {found.covering.characters:,} characters fit {fits}.")
    for wider in found.covering.generalised:
        resources = count_noun(wider.resources, "resource")
        print_note(f"{wider.action}: {wider.pattern} generalizes {resources}, and also allows others that match.")
