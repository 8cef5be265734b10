"""What came of it, for people to read."""

import textwrap
from collections.abc import Collection, Iterable, Iterator

from tests.acceptance.comparison import Compared, Outcome
from tests.acceptance.mapping import COUNTERPARTS, MOMENTS, UNSEEN, WITHOUT_COUNTERPART
from tests.acceptance.refusals import Refusals

COLUMNS = 118


def report(outcome: Outcome, refusals: Refusals, strays: Collection[str]) -> Iterator[str]:
    yield from _table(outcome)
    yield from _section(
        "Differences, each with its reason", _grouped((reason, _differing(each)) for each, reason in outcome.listed)
    )
    yield from _section(
        "Checks that are not compared", _grouped((reason, check) for check, reason in WITHOUT_COUNTERPART.items())
    )
    yield from _section(
        "Verdicts that nothing can bring about here",
        _grouped((one.reason, f"{one.check} {one.verdict}") for one in UNSEEN),
    )
    yield from _section(
        "Calls that were refused, each with its reason",
        _grouped((reason, f"{call.operation} ({call.code}), {call.moment}") for call, reason in refusals.listed),
    )
    yield from _section(
        "What Prowler complains of by itself", _grouped((reason, text) for text, reason in set(refusals.complaints))
    )
    wrong = [
        *(f"{check} is listed and not Prowler's, or Prowler's and not listed." for check in sorted(strays)),
        *(f"{_differing(each)}: {each.said}" for each in outcome.unlisted),
        *(f"Listed, and not so: {each}" for each in (*outcome.outdated, *refusals.outdated)),
        *(f"{check}: nothing was found to {verdict} by both." for check, verdict in outcome.never),
        *refusals.unlisted,
    ]
    yield from _section("NOT ACCOUNTED FOR", wrong)
    agreed, listed, unlisted = outcome.agreed.total(), len(outcome.listed), len(outcome.unlisted)
    yield ""
    yield (
        f"{len(COUNTERPARTS)} checks compared at {len(MOMENTS)} moments, {len(WITHOUT_COUNTERPART)} not compared: "
        f"{agreed} verdicts agree, {listed} differ for a listed reason, {unlisted} otherwise."
    )


def _table(outcome: Outcome) -> Iterator[str]:
    yield "How many verdicts agree, as passed/failed, and behind ≠ how many do not."
    differing = [*(each for each, _ in outcome.listed), *outcome.unlisted]
    yield f"{'PROWLER':<62}{'OURS':<34}" + "".join(f"{moment.upper():>12}" for moment in MOMENTS)
    for check, ours in COUNTERPARTS.items():
        names = ", ".join(sorted({str(test["check"]) for test in ours.tests}))
        named = check if len(check) <= 60 else f"{check[:59]}…"
        cells = []
        for moment in MOMENTS:
            passed, failed = (outcome.agreed[check, moment, verdict] for verdict in ("PASS", "FAIL"))
            other = sum((each.check, each.moment) == (check, moment) for each in differing)
            cells.append(f"{passed}/{failed}" + (f" ≠{other}" if other else ""))
        yield f"{named:<62}{names:<34}" + "".join(f"{cell:>12}" for cell in cells)


def _differing(each: Compared) -> str:
    return f"{each.check}, {each.resource.rpartition(':')[2]}, {each.moment}: Prowler {each.theirs}, ours {each.ours}"


def _grouped(reasons: Iterable[tuple[str, str]]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for reason, what in reasons:
        found.setdefault(reason, []).append(what)
    for reason, every in found.items():
        yield f"{reason}:"
        yield from (f"    {what}" for what in sorted(every))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        for line in found:
            indent = len(line) - len(line.lstrip()) + 2
            yield textwrap.fill(line, COLUMNS, initial_indent="  ", subsequent_indent=" " * (indent + 2))
