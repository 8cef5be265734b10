"""The command that writes the policy for what a principal really did."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.least_privilege import Used, least_privilege
from services.api.least_privilege import Covering, GetLeastPrivilege, LeastPrivilegePart, UsedAction
from services.api.what_if import WhatIf
from services.cli.asking import Asked, asked
from services.cli.failures import Failure
from services.cli.output import JsonLines, counted, say, time
from services.cli.what_if import CALLS, whole
from services.cli.words import Commands, asking, count, spans

DAYS_DEFAULT = 90
DAYS_MAX = 36_500
"""Longer than any ledger, and no longer than there are dates."""


def add(commands: Commands) -> None:
    what = "the smallest policy for what a user or role really did, and whether it would have sufficed"
    least = asking(commands, "least-privilege", _least_privilege, what)
    least.epilog = "The document is printed on standard output, and what is to be said of it on standard error."
    least.add_argument("principal", metavar="PRINCIPAL", help="name, ARN or unique id of a user or role")
    what = f"the calls since so many days ago, if not --from ({DAYS_DEFAULT})"
    least.add_argument("--days", type=_days, default=DAYS_DEFAULT, help=what)
    spans(least, *CALLS)


def _days(text: str) -> int:
    days = count(text)
    if days > DAYS_MAX:
        raise argparse.ArgumentTypeError(f"expected at most {DAYS_MAX:,} days; got {days}")
    return days


def _least_privilege(chosen: argparse.Namespace) -> None:
    """Raises Failure after it has shown a document that is not confirmed."""
    since = chosen.since or time(datetime.now(UTC) - timedelta(days=chosen.days))
    parameters = {"principal": chosen.principal, "since": since, "until": chosen.until}
    with asked(chosen) as answering:
        parts = whole(answering, GetLeastPrivilege, parameters)
        found = parts[0] if len(parts) == 1 else _together(answering, parts)
    if chosen.output == "json":
        JsonLines().show([found])
    else:
        _show(found)
    if found.confirmed < found.allowed:
        raise Failure(
            f"NOT CONFIRMED: of {found.allowed:,} calls that were allowed {found.confirmed:,} would be, and "
            f"{found.undecidable:,} cannot be decided again."
        )


def _together(answering: Asked, parts: Sequence[LeastPrivilegePart]) -> LeastPrivilegePart:
    """One document for all of it, confirmed over the whole span."""
    # The catalogue is slow to import, and seldom needed.
    from services.action_catalogue import CATALOGUE  # noqa: PLC0415

    last = parts[-1]
    used: Counter[Used] = Counter()
    for part in parts:
        for each in part.used:
            used[Used(each.action, each.resource)] += each.calls
    allowed = sum(part.allowed for part in parts)
    found = least_privilege(used, CATALOGUE)
    confirmed = undecidable = 0
    if found is not None:
        span = {"since": f"p{parts[0].since_position}", "until": f"p{last.until_position}"}
        supposing = {"policy": found.document, "in_place_of_all_of": last.entity_id, **span}
        replays = whole(answering, WhatIf, supposing)
        undecidable = sum(replay.undecidable for replay in replays)
        # Whose calls cannot be decided is not told: they may all have been this principal's.
        confirmed = allowed - undecidable - sum(replay.now_refused for replay in replays)
    listed = [UsedAction(action=each.action, resource=each.resource, calls=used[each]) for each in sorted(used)]
    return last.model_copy(
        update={
            "since_position": parts[0].since_position,
            "allowed": allowed,
            "refused": sum(part.refused for part in parts),
            "used": tuple(listed),
            "covering": None if found is None else Covering.model_validate(found),
            "confirmed": max(confirmed, 0),
            "undecidable": undecidable,
        }
    )


def _show(found: LeastPrivilegePart) -> None:
    span = f"positions {found.since_position} to {found.until_position}"
    if found.covering is None:
        say(f"{found.arn} was allowed nothing, {span}: it needs no policy. Calls that were refused: {found.refused:,}.")
        return
    sys.stdout.write(found.covering.document + "\n")
    say(
        f"It covers {counted(found.allowed, 'allowed call')} of {found.arn}, {span}, and would refuse "
        f"{found.allowed - found.confirmed - found.undecidable:,} of them. "
        f"Calls that were refused are not covered: {found.refused:,}."
    )
    fits = ", or ".join(found.covering.fits) or "no quota: divide it into several managed policies"
    say(f"Its {found.covering.characters:,} characters fit {fits}.")
    for wider in found.covering.generalised:
        resources = counted(wider.resources, "resource")
        say(f"{wider.action}: {wider.pattern} stands for {resources}, and allows others like them.")
