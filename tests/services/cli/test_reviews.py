"""The commands of access reviews: as processes, as a file that goes out and comes back, and line by line."""

import csv
import io
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.contract.access_reviews import AccessReviewLine, DecideAccessReview, DecisionEffect, LineEffect
from services.cli.lib import review_csv
from services.cli.lib.output import Csv
from services.cli.lib.review_csv import COLUMNS, ExportedLine, read_lines
from services.cli.lib.review_desk import decide_in_turn
from services.cli.lib.terminal import Failure, UsageError
from tests.services.cli.conftest import Desk

IAM_READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
LINE_IDS = [f"RLIN{'A' * 16}{letter}" for letter in "ABC"]


def line(line_id: str, **more: object) -> AccessReviewLine:
    return AccessReviewLine.model_validate(
        {
            **dict.fromkeys(AccessReviewLine.model_fields),
            "line_id": line_id,
            "principal_kind": "user",
            "principal_id": "AIDA",
            "principal_name": "ann",
            "kind": "inline_policy",
            "thing": "own",
            "what": "inline policy own",
            "gives": (),
            "version": "VAAAAAAAAAAAA",
            "now": "same",
            **more,
        }
    )


def written(*lines: AccessReviewLine) -> str:
    out = io.StringIO()
    Csv(COLUMNS, out).show([ExportedLine("q4", each) for each in lines])
    return out.getvalue()


def test_a_review_by_file(desk: Desk, tmp_path: Path) -> None:
    """Started, exported, filled in, refused as a whole with each wrong row named, decided, decided again without
    effect, reported and closed."""
    for name in ("nina", "otto"):
        desk.aws("iam", "create-user", "--user-name", name, "--path", "/reviewed/")
        desk.aws("iam", "attach-user-policy", "--user-name", name, "--policy-arn", IAM_READ_ONLY)
    started = desk.muniment("review", "start", "by-file", "--path", "/reviewed/", "--due", "2999-01-01")
    assert started.status == 0, started.error
    assert desk.muniment("review", "export", "by-file", "--csv", str(tmp_path / "out.csv")).status == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    decision, reason = header.index("decision"), header.index("reason")
    assert [row[decision] + row[reason] for row in rows] == ["", ""]

    def imported(*decisions: str, repeat: int = 0) -> Any:
        pairs = zip(rows, decisions, strict=True)
        filled = [[*row[:decision], said, "-left", *row[reason + 1 :]] for row, said in pairs]
        with (tmp_path / "in.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *filled, *filled[:repeat]])
        return desk.muniment("review", "import", str(tmp_path / "in.csv"), "--output", "json")

    wrong = imported("keep", "perhaps", repeat=1)
    assert (wrong.status, wrong.out) == (1, "")
    for said in ("row 3: decision 'perhaps'", "row 4: The line is in row 2 already.", "2 rows cannot be decided so"):
        assert said in wrong.error
    decided = json.loads(imported("keep", "Revoke").out)
    assert [each["outcome"] for each in decided["lines"]] == ["decided", "decided"]
    again = json.loads(imported("keep", "revoke").out)
    assert ([each["outcome"] for each in again["lines"]], again["position"]) == (["already"] * 2, None)
    assert not desk.aws("iam", "list-attached-user-policies", "--user-name", "otto")["AttachedPolicies"]
    (report,) = desk.rows("review", "report", "by-file")
    assert (report["counts"], report["traced"]) == ({"kept": 1, "revoked": 1}, True)
    evidence = csv.DictReader(io.StringIO(desk.muniment("review", "report", "by-file", "--output", "csv").out))
    assert [row["went_position"] for row in evidence] == ["", str(decided["position"] + 1)]
    shown = desk.muniment("review", "report", "by-file").out
    assert "WHAT WAS DECIDED" in shown
    assert f"p{decided['position'] + 1}" in shown
    assert desk.muniment("review", "close", "by-file").status == 0
    assert desk.rows("review", "list")[-1]["closed_at"] is not None


@given(
    st.builds(
        operator.add,
        st.text("=+-@' \uff1d", max_size=4),
        st.text(st.characters(exclude_categories=["Cs"]).filter(str.isprintable), max_size=36),
    ).filter(str.strip)
)
def test_a_reason_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """As it was, as far as it can be shown: whatever it begins with, and however a spreadsheet parts its cells."""
    path = tmp_path_factory.getbasetemp() / "reasons.csv"
    content = written(line(LINE_IDS[0], decision="keep", reason=text), line(LINE_IDS[1]))
    path.write_text(content, encoding="utf-8-sig", newline="")
    rows = list(csv.reader(io.StringIO(content, newline="")))
    other = io.StringIO()
    csv.writer(other, delimiter=";").writerows(rows)
    for said in (content, other.getvalue()):
        path.write_text(said, encoding="utf-8-sig", newline="")
        name, (found,), wrong = read_lines(str(path))
        assert (name, wrong, found.number) == ("q4", [], 2)
        assert (found.asked.line_id, found.asked.decision, found.asked.reason) == (LINE_IDS[0], "keep", text)
        assert found.asked.version == "VAAAAAAAAAAAA"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("decision", "verdict"), "has no column decision"),
        (lambda text: text + text.splitlines()[1].replace("q4", "q5") + "\r\n", "is of 2 reviews"),
        (lambda _text: "", "has no column"),
        (lambda text: text.replace("ann", "\udcff"), "is not in UTF-8"),
    ],
)
def test_what_is_no_file_of_a_review(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    """It is refused before anybody is asked."""
    path = tmp_path / "lines.csv"
    path.write_bytes(change(written(line(LINE_IDS[0]))).encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=said):
        read_lines(str(path))


def test_a_file_is_of_a_review_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither more decisions than a review has lines, nor more bytes."""
    path = tmp_path / "lines.csv"
    path.write_text(written(*(line(each, decision="keep") for each in LINE_IDS[:2])), newline="")
    monkeypatch.setattr(review_csv, "LINES_MAX", 2)
    assert len(read_lines(str(path))[1]) == 2
    monkeypatch.setattr(review_csv, "LINES_MAX", 1)
    with pytest.raises(UsageError, match="more than 1 decisions"):
        read_lines(str(path))
    monkeypatch.setattr(review_csv, "BYTES_MAX", path.stat().st_size - 1)
    with pytest.raises(UsageError, match="bytes"):
        read_lines(str(path))


class _Server:
    """Refuses what is about the second line."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None, str | None]] = []

    def ask(self, question: Any) -> Any:
        assert isinstance(question, DecideAccessReview)
        (asked,) = question.decisions
        if asked.line_id == LINE_IDS[1]:
            raise Failure("OperationNotPermittedException: Nobody keeps what is his own.")
        self.asked.append((asked.line_id, asked.decision, asked.reason, asked.version))
        decided = LineEffect(line_id=asked.line_id, outcome="decided", what="w", reason=None)
        return DecisionEffect(account_id="1", review="q4", dry_run=False, position=7, lines=(decided,))


def test_line_by_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each decision is made at once, with its reason and the version that was shown; what is not understood is asked
    again, what is refused is told, and the rest stays open when somebody ends it. A name shows no control character."""
    server = _Server()
    lines = [line(LINE_IDS[0]), line(LINE_IDS[1], now="changed"), line(LINE_IDS[2], principal_name="a\x9b2Jx")]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\nR left the team\nk\ns\n"))
    decide_in_turn(server, "q4", [*lines, lines[0]])
    assert server.asked == [(LINE_IDS[0], "revoke", "left the team", "VAAAAAAAAAAAA")]
    out, error = capsys.readouterr()
    assert out.count("k keep, r revoke") == 5
    assert "It has changed since the review started." in out
    assert "\x9b" not in out
    assert "Nobody keeps what is his own." in error
    assert "1 line decided." in error
