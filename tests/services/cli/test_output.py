"""Tables and JSON lines, and that nothing hostile reaches a terminal."""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.read_models.history import HistoryCall
from services.cli.commands.history import HISTORY
from services.cli.lib.output import Column, JsonLines, Table
from services.cli.lib.terminal import Colour, colours_shown, printable

AT = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)


T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    id: str
    name: str
    why: str


EMPTY: dict[str, object] = dict.fromkeys(HistoryCall.model_fields)
ORDINARY = EMPTY | {
    "account_id": "123456789012",
    "at": AT,
    "service": "iam",
    "event_id": "e",
    "request_id": "r",
    "shared_id": "r",
    "peer_address": "192.0.2.7",
    "tls": False,
    "principal_arn": "arn:aws:iam::123456789012:user/team/alice",
    "user_agent": "aws-cli/1.46",
    "requests": 1,
    "parameters": {},
    "decisions": (),
    "resources": (),
}
REFUSED = {"position": 8, "operation": "ListUsers", "error_code": "AccessDenied", "forwarded_address": "2001:db8::1"}
STRANGE = {
    "account_id": "000000000000",
    "concerns_account_id": "123456789012",
    "position": 3,
    "service": "",
    "operation": "",
    "principal_arn": None,
    "error_code": "SignatureDoesNotMatch",
    "requests": 12,
    "user_agent": "\x1b[2Jevil\u202e\x9b1m",
}
CALLS = tuple(
    HistoryCall.model_validate(ORDINARY | fields)
    for fields in ({"position": 7, "operation": "CreateUser"}, REFUSED, STRANGE)
)
SMALL_HISTORY = """\
TIME                         WHO              OPERATION       ON  RESULT                            FROM
2026-01-31T23:59:59.999999Z  user/team/alice  iam:CreateUser  -   ok                                192.0.2.7
2026-01-31T23:59:59.999999Z  user/team/alice  iam:ListUsers   -   AccessDenied                      2001:db8::1
2026-01-31T23:59:59.999999Z  -                -               -   SignatureDoesNotMatch (12 times)  192.0.2.7
"""
SESSION = {
    "position": 9,
    "operation": "AttachUserPolicy",
    "principal_arn": "arn:aws:sts::123456789012:assumed-role/production-deployer/github-actions-build-417",
    "resources": (
        "arn:aws:iam::123456789012:user/backup",
        "AIDAEXAMPLEEXAMPLE12",
        "arn:aws:iam::aws:policy/AdministratorAccess",
    ),
}
NARROW_HISTORY = """\
TIME      WHO              OPERATION         ON        RESULT        FROM
2026-01-31 UTC
23:59:59  user/team/alice  CreateUser        -         ok            192.0.2.7
23:59:59  user/team/alice  ListUsers         -         AccessDenied  2001:db8::1
23:59:59  assumed-role/production-deployer/github-actions-build-417
                           AttachUserPolicy            ok            192.0.2.7
                        user/backup, arn:aws:iam::aws:policy/AdministratorAccess
2026-02-01 UTC
00:00:00  user/team/alice  CreateUser        -         ok            192.0.2.7
"""
ROW = Row("AKIAEXAMPLE", "user/alice", "made by an operation that takes a few words to tell")
LONG = Row("SESNEXAMPLE", "assumed-role/production-deployer/build-417-of-release", "arn:aws:iam::aws:policy/Long x")
COLUMNS: tuple[Column[Row], ...] = (
    Column("ID", lambda row: row.id),
    Column("NAME", lambda row: row.name),
    Column("WHY", lambda row: row.why, wraps=True),
)


def shown(columns: Sequence[Column[T]], rows: Sequence[T], width: int | None = None, *, coloured: bool = False) -> str:
    out = io.StringIO()
    Table(columns, out, width, coloured=coloured).show(rows)
    return out.getvalue()


def test_a_small_history() -> None:
    """The table, pinned: aligned, times as exactly as kept, refusals and strangers told, no escape sequence. What is
    for --wide is in no other."""
    assert shown([column for column in HISTORY if not column.wide], CALLS) == SMALL_HISTORY
    wide = shown(HISTORY, CALLS)
    assert wide.startswith("POSITION  TIME ")
    assert wide.splitlines()[3].endswith("evil")
    assert "\x1b" not in wide


def test_a_history_of_sessions_is_a_table_at_80_columns() -> None:
    """A date stands once, columns do not slip for a long name or list, and what is for --wide is in no other."""
    narrow = [column for column in HISTORY if not column.wide]
    later = {"position": 10, "operation": "CreateUser", "at": AT + timedelta(seconds=1)}
    calls = [*CALLS[:2], *(HistoryCall.model_validate(ORDINARY | fields) for fields in (SESSION, later))]
    assert shown(narrow, calls, 80) == NARROW_HISTORY
    out = io.StringIO()
    pages = Table(narrow, out, 80)
    for call in calls:
        pages.show([call])
    assert max(map(len, out.getvalue().splitlines())) <= 80


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            66,
            """\
ID           NAME        WHY
AKIAEXAMPLE  user/alice  made by an operation that takes a few
                           words to tell
""",
        ),
        (
            50,
            """\
ID           NAME
    WHY
AKIAEXAMPLE  user/alice
    made by an operation that takes a few words to
      tell
""",
        ),
        (
            20,
            """\
ID    AKIAEXAMPLE
NAME  user/alice
WHY   made by an operation that takes a few
        words to tell
""",
        ),
    ],
)
def test_it_fits_the_terminal(width: int, expected: str) -> None:
    """Running text is broken between words; then a row takes two lines; then each cell has one."""
    assert shown(COLUMNS, [ROW], width) == expected


def test_a_row_that_is_longer_than_most_is_ragged() -> None:
    """The others keep their one line."""
    title, *lines = shown(COLUMNS, [ROW, ROW, ROW, LONG], 80).splitlines()
    assert lines[:2] == lines[2:4] == lines[4:6]
    assert lines[6] == "SESNEXAMPLE  assumed-role/production-deployer/build-417-of-release"
    assert lines[7] == " " * title.index("WHY") + "arn:aws:iam::aws:policy/Long x"


def test_a_row_begins_with_what_it_is_about() -> None:
    """Also where that is longer than its column: else the rest would seem to be about the row above."""
    columns: list[Column[Row]] = [
        Column("OPERATION", lambda row: row.id, wraps=True, least=12),
        Column("OK", lambda row: row.name),
        Column("REFUSED", lambda row: row.why),
    ]
    few = [Row("iam:GetUser", "1", "0")] * 3
    lines = shown(columns, [*few, Row("iam:UploadSigningCertificate", "0", "17")], 30).splitlines()
    assert lines[-2] == "iam:UploadSigningCertificate"
    assert lines[-1].split() == ["0", "17"]


WORDS = st.sampled_from(
    ["a", "of", "words", "user/alice", "AKIAEXAMPLEEXAMPLE", "arn:aws:iam::aws:policy/A" + "z" * 40]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)


@given(st.lists(st.builds(Row, TEXTS, TEXTS, TEXTS), min_size=1, max_size=6), st.none() | st.integers(1, 200))
def test_no_word_is_ever_cut(rows: list[Row], width: int | None) -> None:
    """Whatever the width, each word stands whole; and where there is none, each row on its line."""
    told = shown(COLUMNS, rows, width)
    assert width is not None or len(told.splitlines()) == 1 + len(rows)
    words = set(told.split())
    assert {word for row in rows for cell in astuple(row) for word in cell.split()} <= words
    plain = [Row(*(cell.replace(" ", "-") for cell in astuple(row))) for row in rows]
    assert {cell for row in plain for cell in astuple(row)} <= set(shown(COLUMNS, plain, width).split())


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is, unless NO_COLOR says otherwise or it has none; and it changes no width."""
    terminal, pipe = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert (colours_shown(terminal), colours_shown(pipe)) == (True, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours_shown(terminal)
    monkeypatch.setenv("NO_COLOR", "")
    assert colours_shown(terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not colours_shown(terminal)
    columns: tuple[Column[Row], ...] = (Column("ID", lambda row: row.id, colour=lambda _text: Colour.RED), *COLUMNS[1:])
    painted = shown(columns, [ROW, LONG], 80, coloured=True)
    assert "\x1b[31mAKIAEXAMPLE\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9]+m", "", painted) == shown(columns, [ROW, LONG], 80)


def test_pages_share_one_title() -> None:
    """Rows that come later stand under the same columns; no rows, no title."""
    out = io.StringIO()
    columns: tuple[Column[str], ...] = (Column("NAME", str), Column("LENGTH", lambda text: str(len(text))))
    table = Table(columns, out, None)
    for page in ((), ("alice",), ("bob", "a long name")):
        table.show(page)
    assert out.getvalue().splitlines() == ["NAME   LENGTH", "alice  5", "bob          3", "a long name  11"]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, in ASCII, with the hostile text as the ledger has it."""
    JsonLines().show(CALLS)
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["source_address"] for row in rows] == ["192.0.2.7", "2001:db8::1", "192.0.2.7"]
    assert rows[2]["user_agent"] == "\x1b[2Jevil\u202e\x9b1m"


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("a\rb\nc\td\x7f\x00", "abcd"),
        ("admin\u202egnp", "admingnp"),
        ("Zoë 東京", "Zoë 東京"),
    ],
)
def test_escape_sequences(hostile: str, harmless: str) -> None:
    """Sequences go as a whole, other control characters alone, and people's names stay."""
    assert printable(hostile) == harmless


@given(st.text(st.characters() | st.sampled_from("\x1b\x9b[]0;m\x07\\")))
def test_whatever_comes(text: str) -> None:
    """No text whatever leaves a character that moves a cursor; what is printable is kept the second time."""
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
