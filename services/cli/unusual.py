"""The command that tells what is unusual in an account's calls."""

import argparse
from collections.abc import Sequence

from projections.unusual import SILENT_DAYS_DEFAULT, Kind
from services.api.unusual import Finding, FindUnusual, UnusualPage
from services.cli.asking import show
from services.cli.output import Column, counted, resource, say, time
from services.cli.words import Commands, count, reading, spans


def add(commands: Commands) -> None:
    what = "sessions used from several addresses, silent keys that were used, and use of root, each with its calls"
    unusual = reading(commands, "unusual", _unusual, what)
    spans(unusual, "from this moment on", "up to this moment", words=("--since", "--until"))
    unusual.add_argument(
        "--silent-days", type=count, metavar="N", help=f"a key is silent after so many ({SILENT_DAYS_DEFAULT})"
    )


def _unusual(chosen: argparse.Namespace) -> None:
    parameters = {name: getattr(chosen, name) for name in ("since", "until", "silent_days", "as_of")}
    if not show(chosen, FindUnusual, parameters, _findings, UNUSUAL):
        say("Nothing unusual was found.")


def _findings(page: UnusualPage) -> Sequence[Finding]:
    for session_id in page.cut_sessions:
        say(f"Of session {session_id} only the first {page.calls_a_session} calls were looked at: give a shorter span.")
    return page.findings


def _told(finding: Finding) -> str:
    addresses = ", ".join(dict.fromkeys(call.source_address or "no address" for call in finding.evidence))
    match finding.kind:
        case Kind.SEVERAL_ADDRESSES:
            return f"{counted(finding.calls, 'call')}, from {addresses}"
        case Kind.SILENT_KEY:
            assert finding.silent_since is not None
            heard = "last used" if len(finding.evidence) > 1 else "never used since it was created"
            days = counted((finding.at - finding.silent_since).days, "day")
            return f"{heard} {time(finding.silent_since)}, {days} before"
        case Kind.ROOT:
            return f"{counted(finding.calls, 'call')} that day, first and last from {addresses}"


UNUSUAL: Sequence[Column[Finding]] = (
    Column("UNUSUAL", lambda finding: finding.kind.value),
    Column("TIME", lambda finding: time(finding.at)),
    Column("POSITION", lambda finding: str(finding.position)),
    Column("CREDENTIAL", lambda finding: finding.credential),
    Column("PRINCIPAL", lambda finding: resource(finding.principal_arn), shrinks=True),
    Column("EVIDENCE", _told, shrinks=True),
    Column("REQUEST", lambda finding: finding.evidence[-1].request_id),
)
