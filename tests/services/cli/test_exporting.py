"""The access history as CSV: as RFC 4180 has it, whole, and harmless in a spreadsheet and on a terminal."""

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.read_models.history import HistoryCall
from services.api.contract.history import HistoryPage, LookupHistory
from services.api.contract.page_markers import make_marker
from services.api.contract.question import Question
from services.cli.commands import history
from services.cli.commands.history import CSV_COLUMNS
from services.cli.lib import client
from services.cli.lib.output import Column, Csv, unguarded
from services.cli.lib.progress import Progress
from tests.services.cli.test_output import CALLS

TEXT: tuple[Column[str], ...] = (Column("text", lambda text: text),)


def written(*rows: str) -> str:
    out = io.StringIO()
    Csv(TEXT, out).show(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    ("hostile", "cell"),
    [
        ('=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'),
        ("+1", "'+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "[U+0009]=1"),
        ("\r=1", "[U+000D]=1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("'tis", "''tis"),
        ("a=1", "a=1"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("two\nlines", "two[U+000A]lines"),
        ("\x1b[2Jx", "[U+001B][2Jx"),
        ("\x9b2Jx\x7f\u202e", "[U+009B]2Jx[U+007F][U+202E]"),
    ],
    ids=repr,
)
def test_cells(hostile: str, cell: str) -> None:
    """What begins a formula gets an apostrophe, and so does what begins with one; commas and quotes are quoted; control
    characters, C1's too, and what turns the writing round are shown by their numbers."""
    assert written(hostile) == f"text\r\n{cell}\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_whatever_comes(texts: list[str]) -> None:
    """A line a text, which is printable and begins no formula. What was printable comes back as it was: out of a reader
    of CSV, and without the apostrophe."""
    _, *lines = written(*texts).removesuffix("\r\n").split("\r\n")
    read = [cell for (cell,) in (cell or [""] for cell in csv.reader(lines))]
    for text, cell in zip(texts, read, strict=True):
        assert cell.isprintable()
        assert not cell.startswith(tuple("=+-@"))
        assert not text.isprintable() or unguarded(cell) == text


COLUMNS = """\
account_id position at event_id request_id shared_id service operation read_only principal_type principal_id
principal_arn user_name issuer_arn operator access_key_id session_id peer_address forwarded_address user_agent region
tls error_code error_message concerns_account_id requests counted_from counted_to parameters decisions resources
source_address source_identity root_assumed_by"""


def test_the_columns_of_the_history() -> None:
    """They are fixed, under the names of the JSON; what is no text is written as in JSON, what is absent is empty."""
    out = io.StringIO()
    Csv(CSV_COLUMNS, out).show(CALLS)
    first, *rows = csv.DictReader(io.StringIO(out.getvalue(), newline=""))
    assert list(first) == COLUMNS.split()
    assert (first["at"], first["position"], first["tls"]) == ("2026-01-31T23:59:59.999999Z", "7", "false")
    assert (first["parameters"], first["decisions"], first["error_code"]) == ("{}", "[]", "")
    assert [row["user_agent"] for row in rows] == ["aws-cli/1.46", "[U+001B][2Jevil[U+202E][U+009B]1m"]


class Paging:
    """Answers page after page, and remembers how many lines had been written by the time of each question."""

    def __init__(self, out: io.StringIO, pages: list[tuple[HistoryCall, ...]]) -> None:
        self.out = out
        self.pages = pages
        self.questions: list[LookupHistory] = []
        self.lines_written: list[int] = []
        self.markers: Sequence[str | None] = [*MARKERS, None]

    def ask(self, question: Question[HistoryPage]) -> HistoryPage:
        assert isinstance(question, LookupHistory)
        self.lines_written.append(self.out.getvalue().count("\r\n"))
        number = len(self.questions)
        self.questions.append(question)
        return HistoryPage(
            account_id="123456789012",
            limit=1_000,
            marker=self.markers[number],
            position=9,
            clipped_to=None,
            calls=self.pages[number],
        )


MARKERS = [make_marker("LookupHistory", position, 0, 9) for position in (8, 9)]


def answering(paging: Paging) -> Callable[[argparse.Namespace], AbstractContextManager[Paging]]:
    @contextmanager
    def asked(_chosen: argparse.Namespace) -> Iterator[Paging]:
        yield paging

    return asked


def test_rows_are_written_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is written before the next is asked for, also after one that is empty; no filter is left out. Where it
    takes long, standard error tells how far it has come."""
    out, err = io.StringIO(), io.StringIO()
    paging = Paging(out, [CALLS[:2], (), CALLS[2:]])

    monkeypatch.setattr(client, "open_client", answering(paging))
    monkeypatch.setattr(client, "Progress", lambda: Progress(err, partial(next, count(0, 20))))
    monkeypatch.setattr("sys.stdout", out)
    parser = argparse.ArgumentParser()
    history.add_arguments(parser)
    given = {"user_agent": "aws-cli/2", "on": "arn:aws:iam::123456789012:user/ada", "operation": "GetUser"}
    words = ["--user-agent", given["user_agent"], "--resource", given["on"], "--operation", "GetUser"]
    chosen = parser.parse_args([*words, "--output", "csv"])
    chosen.run(chosen)
    assert paging.lines_written == [1, 3, 3]
    assert err.getvalue() == "muniment: 2 rows\n" * 2
    assert len(list(csv.reader(io.StringIO(out.getvalue(), newline="")))) == 1 + len(CALLS)
    asked_for = [question.model_dump(exclude_none=True, exclude_unset=True) for question in paging.questions]
    assert asked_for == [{**given, "limit": 1_000, **more} for more in ({}, *({"marker": each} for each in MARKERS))]


def test_following(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest first, in their order, then what comes, from behind what was seen on: each once, and none of the
    command's own calls, which stand where its questions were answered."""

    def at(*positions: int) -> tuple[HistoryCall, ...]:
        return tuple(CALLS[0].model_copy(update={"position": position}) for position in positions)

    out = io.StringIO()
    paging = Paging(out, [at(9, 7, 6, 4), at(9), at(10, 12, 9)])
    paging.markers = [None] * 3
    sleeps = iter([None, None])
    monkeypatch.setattr(history, "open_client", answering(paging))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("time.sleep", lambda _seconds: next(sleeps))
    parser = argparse.ArgumentParser()
    history.add_arguments(parser)
    chosen = parser.parse_args(["--follow", "--last", "3", "--operation", "GetUser", "--output", "csv"])
    with pytest.raises(StopIteration):
        chosen.run(chosen)
    shown = [row["position"] for row in csv.DictReader(io.StringIO(out.getvalue(), newline=""))]
    assert shown == ["4", "6", "7", "10", "12"]
    asked_for = [question.model_dump(exclude_none=True, exclude_unset=True) for question in paging.questions]
    assert asked_for == [
        {"operation": "GetUser", "newest_first": True, "limit": 4},
        *[{"operation": "GetUser", "since": "p10", "limit": 1_000}] * 2,
    ]
