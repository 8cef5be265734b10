"""What `muniment compliance watch` prints, and that it prints each turn once."""

import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from domain.foundation.moments import Moment
from services.api.contract.compliance import ListViolations, ShownViolation, ViolationsPage
from services.cli.lib import compliance_watch
from tests.services.cli.compliance_example import ACCOUNT, AT, DAY, MFA, violation

SECOND = timedelta(seconds=1)


class Pages:
    """Stands for the server: a page for each question, and then somebody interrupts."""

    def __init__(self, *pages: ViolationsPage) -> None:
        self.pages = list(pages)
        self.asked: list[ListViolations] = []

    def ask(self, question: ListViolations) -> ViolationsPage:
        self.asked.append(question)
        return self.pages.pop(0)


def page(position: int, at: Any, *violations: Any) -> ViolationsPage:
    shown = tuple(ShownViolation(violation=each, controls=("1.9",), exempt=()) for each in violations)
    moment = Moment(position, at)
    said = {"account_id": ACCOUNT, "limit": 1000, "marker": None, "since": moment, "clipped_to": None, "until": moment}
    return ViolationsPage.model_validate({**said, "violations": shown})


def test_each_turn_is_printed_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By position where a change has turned it, by time where time has: what was shown before comes again with the
    next question, and is left out."""
    opened = violation(MFA, "AIDAANN", "ann", 12, 1)
    closed = violation(MFA, "AIDAANN", "ann", 12, 1, 3)
    by_time = violation(MFA, "AIDABOB", "bob", 4, 2).model_copy(update={"by_time": True})
    pages = Pages(
        page(10, AT), page(12, AT + 1 * DAY, opened), page(12, AT + 2 * DAY, by_time), page(14, AT + 3 * DAY, closed)
    )

    @contextmanager
    def client(_args: Namespace) -> Iterator[Pages]:
        yield pages

    def sleep(_seconds: float) -> None:
        if not pages.pages:
            raise KeyboardInterrupt

    monkeypatch.setattr(compliance_watch, "open_client", client)
    monkeypatch.setattr("time.sleep", sleep)
    args = Namespace(framework="cis-5.0", control=None, subject=None, output="json", wide=False)
    with pytest.raises(KeyboardInterrupt):
        compliance_watch.watch(args)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["turn"], each["shown"]["violation"]["subject_id"]) for each in lines] == [
        ("opened", "AIDAANN"),
        ("opened", "AIDABOB"),
        ("closed", "AIDAANN"),
    ]
    assert [(each.since and str(each.since), each.turned) for each in pages.asked] == [
        (None, False),
        ("p10", True),
        ("p12", True),
        ("p12", True),
    ]
