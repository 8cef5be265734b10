"""How `muniment unusual` tells its findings."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.read_models.unusual import Anomaly, EvidenceCall, UnusualKind
from services.api.contract.question import Question
from services.api.contract.unusual import UnusualPage
from services.cli.entry_point import EXIT_OK, EXIT_USAGE, main
from services.cli.lib import client

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOSTILE = "192.0.2.1\x1b[2J\n"


def call(position: int, address: str) -> EvidenceCall:
    return EvidenceCall(
        position=position,
        at=AT,
        request_id=f"r-{position}",
        source_address=address,
        user_agent=HOSTILE,
        service="iam",
        operation="GetUser",
        error_code=None,
    )


def finding(
    kind: UnusualKind, *evidence: EvidenceCall, calls: int = 1, silent_since: datetime | None = None
) -> Anomaly:
    return Anomaly(
        kind=kind,
        credential="SESNX",
        principal_arn="arn:aws:iam::123456789012:user/ann",
        position=evidence[-1].position,
        at=AT,
        silent_since=silent_since,
        calls=calls,
        evidence=evidence,
    )


FINDINGS = (
    finding(UnusualKind.SEVERAL_ADDRESSES, call(7, HOSTILE), call(8, "198.51.100.1"), calls=12),
    finding(UnusualKind.SILENT_KEY, call(5, "192.0.2.1"), call(9, "192.0.2.1"), silent_since=AT - timedelta(days=91)),
    finding(UnusualKind.SILENT_KEY, call(10, "192.0.2.1"), silent_since=AT - timedelta(days=200)),
    finding(UnusualKind.ROOT, call(11, "192.0.2.1"), call(12, "192.0.2.1"), calls=4),
)


class Answering:
    """Stands for whoever answers: a page at a time."""

    def __init__(self, *pages: UnusualPage) -> None:
        self._pages = iter(pages)

    def ask(self, _question: Question[UnusualPage]) -> UnusualPage:
        return next(self._pages)


def page(*findings: Anomaly, marker: str | None = None, cut: tuple[str, ...] = ()) -> UnusualPage:
    return UnusualPage(
        account_id="123456789012",
        limit=1_000,
        marker=marker,
        silent_days=90,
        clipped_to=None,
        findings=findings,
        cut_sessions=cut,
    )


def answers(monkeypatch: pytest.MonkeyPatch, *pages: UnusualPage) -> None:
    @contextmanager
    def asked(_chosen: object) -> Iterator[Answering]:
        yield Answering(*pages)

    monkeypatch.setattr(client, "open_client", asked)


MARKER = "MSBGaW5kVW51c3VhbCAwIDEgMCA5"


def test_findings_as_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each on a line with what shows it, over all pages, an empty one among them; no text moves the cursor."""
    answers(monkeypatch, page(FINDINGS[0], marker=MARKER), page(marker=MARKER), page(*FINDINGS[1:]))
    assert main(["unusual"]) == EXIT_OK
    out = capsys.readouterr().out
    assert "\x1b" not in out
    title, several, silent, never, root = out.splitlines()
    assert title.split()[:3] == ["UNUSUAL", "TIME", "POSITION"]
    assert "12 calls, from 192.0.2.1, 198.51.100.1" in several
    assert "last used 2025-11-01T12:00:00Z, 91 days before" in silent
    assert "never used since it was created 2025-07-15T12:00:00Z, 200 days before" in never
    assert "4 calls that day, first and last from 192.0.2.1" in root
    assert root.endswith("r-12")


def test_findings_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, with every call of the evidence."""
    answers(monkeypatch, page(*FINDINGS))
    assert main(["unusual", "--output", "json", "--silent-days", "30"]) == EXIT_OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"] for row in rows] == [found.kind.value for found in FINDINGS]
    assert rows[0]["evidence"][0]["source_address"] == HOSTILE


def test_what_was_not_looked_at_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers(monkeypatch, page(cut=("SESNBUSY",)))
    assert main(["unusual"]) == EXIT_OK
    told = capsys.readouterr()
    assert told.out == ""
    assert "Of session SESNBUSY only the first 10000 calls were examined" in told.err
    assert "Nothing unusual was found." in told.err


def test_a_moment_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unusual", "--since", "yesterday"]) == EXIT_USAGE
    assert "A moment is now, an age such as" in capsys.readouterr().err
