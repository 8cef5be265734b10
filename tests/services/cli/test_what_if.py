"""What `muniment what-if` and `muniment least-privilege` ask and show."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.api.contract.least_privilege import LeastPrivilegePart
from services.api.contract.question import Answer
from services.api.contract.what_if import WhatIf, WhatIfPart
from services.cli.commands import least_privilege, what_if
from services.cli.entry_point import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, main
from tests.clients.server import run
from tests.services.cli.conftest import Desk

ACCOUNT = "123456789012"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}'


def replay(since: int, stopped: int | None, refused: int, **more: object) -> WhatIfPart:
    changed = {
        "position": since,
        "at": datetime(2026, 1, 31, tzinfo=UTC),
        "request_id": "r",
        "why": f"\x1b[2Jat {since}",
    }
    group = {
        "principal_arn": ANN, "service": "iam", "operation": "ListUsers", "calls": 4, "now_refused": refused,
        "now_allowed": 0, "first_changed": changed if refused else None,
    }  # fmt: skip
    of: dict[str, object] = {
        "account_id": ACCOUNT, "since_position": since, "until_position": 30, "stopped_position": stopped,
        "clipped_to": None, "calls": 5,
        "unchanged": 4 - refused, "now_refused": refused, "now_allowed": 0, "without_decision": 1, "undecidable": 0,
        "undecidable_because": None, "by_other_evaluator": 0, "groups": [group],
        "contained": [],
    }  # fmt: skip
    return WhatIfPart.model_validate(of | more)


def used(since: int, stopped: int | None, resource: str, **more: object) -> LeastPrivilegePart:
    covering = {"document": '{"Version": "…"}', "characters": 16, "fits": ["a managed policy"], "generalised": []}
    of: dict[str, object] = {
        "account_id": ACCOUNT, "since_position": since, "until_position": 30, "stopped_position": stopped,
        "clipped_to": None,
        "entity_id": "AIDAANN", "arn": ANN, "allowed": 2, "refused": 1, "confirmed": 2, "undecidable": 0,
        "used": [{"action": "iam:GetUser", "resource": resource, "calls": 2}], "covering": covering,
        "contained": [],
    }  # fmt: skip
    return LeastPrivilegePart.model_validate(of | more)


@pytest.fixture
def policy_file(tmp_path: Path) -> str:
    path = tmp_path / "policy.json"
    path.write_text(POLICY)
    return str(path)


def shown(monkeypatch: pytest.MonkeyPatch, answers: Sequence[Answer], *words: str) -> tuple[int, list[object]]:
    """The exit code, and the questions that were asked."""
    questions: list[object] = []

    class Answering:
        def ask(self, question: object) -> Answer:
            questions.append(question)
            return answers[len(questions) - 1]

    @contextmanager
    def asked(_chosen: object) -> Iterator[Answering]:
        yield Answering()

    for command in (what_if, least_privilege):
        monkeypatch.setattr(command, "open_client", asked)
    return main(words), questions


def test_it_goes_on_where_an_answer_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], policy_file: str
) -> None:
    """One table of several answers: the later ones from where the one before stopped, up to where the first meant to
    go. What others chose does not move the cursor."""
    parts = [replay(7, 10, 0), replay(11, 20, 1), replay(21, None, 2)]
    words = ("what-if", "--policy", policy_file, "--attach-to", "ann", "--from", "2026-01-01T00:00:00Z")
    status, questions = shown(monkeypatch, parts, *words)
    assert status == EXIT_OK
    asked = [(str(question.since), str(question.until)) for question in questions if isinstance(question, WhatIf)]
    assert asked == [("2026-01-01T00:00:00Z", "None"), ("p11", "p30"), ("p21", "p30")]
    first, second, modelled, _, title, row = capsys.readouterr().out.splitlines()
    assert first == "Of 15 calls, positions 7 to 30, 3 would be refused and 0 allowed; 9 end as they did."
    assert second == "For 3 no policy was evaluated."
    assert modelled.startswith("Each call is decided by itself")
    assert title.split() == ["PRINCIPAL", "OPERATION", "CALLS", "REFUSED", "ALLOWED", "FIRST", "REASON"]
    assert re.split("  +", row) == ["user/ann", "iam:ListUsers", "12", "3", "0", "p11", "at 11"]


def test_as_json_there_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], policy_file: str
) -> None:
    """With what adds up, also of what cannot be decided."""
    parts = [replay(7, 10, 0), replay(11, None, 1, undecidable=1, undecidable_because="gone", by_other_evaluator=2)]
    words = ("what-if", "--scp", policy_file, "--from", "p7", "--output", "json")
    assert shown(monkeypatch, parts, *words)[0] == EXIT_OK
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["calls"], told["undecidable"], told["undecidable_because"], told["by_other_evaluator"]) == (
        10, 1, "gone", 2
    )  # fmt: skip
    assert shown(monkeypatch, parts, *words[:-2])[0] == EXIT_OK
    out = capsys.readouterr().out
    assert "1 CANNOT BE RE-EVALUATED; the first: gone" in out
    assert "2 were decided by another version" in out


@pytest.mark.parametrize(
    "words",
    [
        ("--policy", "FILE"),
        ("--scp", "FILE", "--attach-to", "ann"),
        ("--policy", "FILE", "--attach-scp-to", "root"),
        ("--policy", "/nonexistent", "--attach-to", "ann"),
    ],
)
def test_what_is_not_understood(monkeypatch: pytest.MonkeyPatch, policy_file: str, words: Sequence[str]) -> None:
    """Nobody is asked."""
    given = [policy_file if word == "FILE" else word for word in words]
    assert shown(monkeypatch, [], "what-if", *given, "--from", "p1") == (EXIT_USAGE, [])


@pytest.mark.parametrize("days", ["0", "-1", "36501", "9" * 40, "soon"])
def test_days_that_are_none(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    """Fewer than one, or more than there are dates."""
    assert shown(monkeypatch, [], "least-privilege", "ann", f"--days={days}") == (EXIT_USAGE, [])


def test_a_document_and_what_is_said_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The document alone on standard output; beside it what it covers, fits and generalises. Without an answer that
    stopped it is the server's."""
    status, questions = shown(monkeypatch, [used(7, None, ANN)], "least-privilege", "ann", "--from", "p7")
    captured = capsys.readouterr()
    assert (status, len(questions)) == (EXIT_OK, 1)
    assert captured.out == '{"Version": "…"}\n'
    assert "It covers 2 allowed calls of" in captured.err
    assert "would refuse 0 of them. Calls that were refused are not covered: 1." in captured.err
    assert "Its 16 characters fit a managed policy." in captured.err
    nothing = used(7, None, ANN, covering=None, allowed=0, confirmed=0, used=[])
    assert shown(monkeypatch, [nothing], "least-privilege", "ann")[0] == EXIT_REFUSED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "needs no policy" in captured.err


def test_one_document_for_all_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What several answers found is covered by one document, which what-if confirms over the whole span; where it does
    not, that is a failure."""
    parts = [used(7, 10, ANN), used(11, None, ANN + "a")]
    words = ("least-privilege", "ann", "--days", "30", "--output", "json")
    status, questions = shown(monkeypatch, [*parts, replay(7, 20, 0), replay(21, None, 0)], *words)
    told = json.loads(capsys.readouterr().out)
    assert status == EXIT_OK
    (statement,) = json.loads(told["covering"]["document"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("iam:GetUser", [ANN, ANN + "a"])
    assert (told["allowed"], told["confirmed"], told["refused"], told["since_position"]) == (4, 4, 2, 7)
    confirming = questions[2]
    assert isinstance(confirming, WhatIf)
    assert confirming.in_place_of_all_of == "AIDAANN"
    assert (str(confirming.since), str(confirming.until)) == ("p7", "p30")
    assert confirming.policy == told["covering"]["document"]
    status, _ = shown(monkeypatch, [*parts, replay(7, None, 1)], *words)
    captured = capsys.readouterr()
    assert (status, json.loads(captured.out)["confirmed"]) == (EXIT_REFUSED, 3)
    assert "NOT CONFIRMED: of 4 calls that were allowed 3 would be" in captured.err


def test_calls_of_contained_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], policy_file: str
) -> None:
    """Left out unless they are asked for; how many of which containment is said, over all parts, and so is what is not
    known, which is a failure where it should have been left out. What-if has them unless they are to be left out."""
    told = {"credential": "AKIALEAKED", "position": 28, "at": "2026-01-31T12:00:00Z", "by": ANN, "calls": 2}
    known, lost = [told | {"unknown": None}], [told | {"unknown": "it cannot be traced"}]
    parts = [used(7, 10, ANN, contained=known), used(11, None, ANN, contained=known)]
    replays = [replay(7, None, 0, contained=known)]
    for words, including, verb in (((), False, "Left out"), (("--include",), True, "Included")):
        status, questions = shown(monkeypatch, [*parts, *replays], "least-privilege", "ann", *words)
        assert status == EXIT_OK
        assert [getattr(question, "include_contained") for question in questions] == [including] * 3  # noqa: B009
        said = f"{verb}: 4 calls of the lineage of AKIALEAKED, contained 2026-01-31T12:00:00Z (p28) by {ANN}."
        assert said in capsys.readouterr().err
    status, _ = shown(monkeypatch, [used(7, None, ANN, contained=lost)], "least-privilege", "ann")
    captured = capsys.readouterr()
    assert status == EXIT_REFUSED
    assert "There may be more: it cannot be traced." in captured.err
    assert "NOT ALL LEFT OUT" in captured.err
    assert shown(monkeypatch, [used(7, None, ANN, contained=lost)], "least-privilege", "ann", "--include")[0] == EXIT_OK
    capsys.readouterr()
    supposing = ("what-if", "--policy", policy_file, "--attach-to", "ann", "--from", "p7")
    for words, including, verb in (((), True, "Included"), (("--exclude-contained",), False, "Left out")):
        status, (question,) = shown(monkeypatch, replays, *supposing, *words)
        assert isinstance(question, WhatIf)
        assert (status, question.include_contained) == (EXIT_OK, including)
        assert f"{verb}: 2 calls of the lineage of AKIALEAKED" in capsys.readouterr().out


def test_of_a_server(desk: Desk, tmp_path: Path) -> None:
    """What a user did is covered by the document that is printed, and with it in place of all policies nothing of it
    would be refused; a policy besides would have allowed what was refused."""
    desk.aws("iam", "create-user", "--user-name", "lean")
    granted = ("--policy-name", "may", "--policy-document", POLICY.replace("Deny", "Allow"))
    desk.aws("iam", "put-user-policy", "--user-name", "lean", *granted)
    key = desk.aws("iam", "create-access-key", "--user-name", "lean")["AccessKey"]
    theirs = desk.server.credentials(key["AccessKeyId"], key["SecretAccessKey"])
    assert run(["aws", "iam", "list-users"], theirs).status == 0
    assert desk.muniment("sessions", environment=theirs).status == 1
    answer = desk.muniment("least-privilege", "lean", "--days", "1")
    assert answer.status == 0, answer.error
    assert json.loads(answer.out)["Statement"][0]["Action"] == "iam:ListUsers"
    assert "It covers 1 allowed call of" in answer.error
    covering, everything = tmp_path / "covering", tmp_path / "everything"
    covering.write_text(answer.out)
    everything.write_text(POLICY.replace("Deny", "Allow").replace("iam:*", "*"))
    span = ("--from", "2026-01-01T00:00:00Z")
    (alone,) = desk.rows("what-if", "--policy", str(covering), "--in-place-of-all-of", "lean", *span)
    assert (alone["now_refused"], alone["now_allowed"]) == (0, 0)
    found = desk.muniment("what-if", "--policy", str(everything), "--attach-to", "lean", *span)
    assert found.status == 0, found.error
    assert "0 would be refused and 1 allowed" in found.out.splitlines()[0]
    assert re.search(r"user/lean +muniment:ListSessions +1 +0 +1 +p\d+ ", found.out)
