"""Tables and JSON lines, and that nothing hostile reaches a terminal."""

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.read_models.history import HistoryCall
from services.cli.commands.history import HISTORY
from services.cli.lib.output import Column, JsonLines, Table
from services.cli.lib.terminal import printable

AT = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)


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
POSITION  TIME                         SOURCE       PRINCIPAL        OPERATION       RESULT                            USER AGENT
7         2026-01-31T23:59:59.999999Z  192.0.2.7    user/team/alice  iam:CreateUser  ok                                aws-cli/1.46
8         2026-01-31T23:59:59.999999Z  2001:db8::1  user/team/alice  iam:ListUsers   AccessDenied                      aws-cli/1.46
-         2026-01-31T23:59:59.999999Z  192.0.2.7    -                -               SignatureDoesNotMatch (12 times)  evil
"""  # noqa: E501  as it is printed


def shown(width: int | None) -> list[str]:
    out = io.StringIO()
    Table(HISTORY, out, width).show(CALLS)
    return out.getvalue().splitlines()


def test_a_small_history() -> None:
    """The table, pinned: aligned, times as exactly as kept, refusals and strangers told, no escape sequence."""
    assert shown(None) == SMALL_HISTORY.splitlines()


def test_it_fits_the_terminal() -> None:
    """Columns that may shrink do, the widest first; a cut is seen; nothing else is touched."""
    lines = shown(120)
    assert max(map(len, lines)) == 120
    assert lines[1] == (
        "7         2026-01-31T23:59:59.999999Z  192.0.2.7    user/team…  iam:Creat…  ok                                "
        "aws-cli/1…"
    )
    # Narrower than what must not be cut: the terminal wraps.
    assert "2001:db8::1  user/te…  iam:Lis…  AccessDenied  " in shown(20)[2]


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
