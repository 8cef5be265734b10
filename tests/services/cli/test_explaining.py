"""What `muniment explain` shows of an answer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from services.api.contract import decisions
from services.cli.entry_point import EXIT_OK, EXIT_REFUSED, main
from services.cli.lib import client
from tests.services.cli.conftest import Desk

ACCOUNT, OTHER = "123456789012", "210987654321"


def statement(**more: object) -> decisions.ExplainedStatement:
    of: dict[str, object] = {
        "layer": "identity",
        "level": None,
        "account_id": ACCOUNT,
        "source_type": "managed",
        "source_id": "arn:aws:iam::aws:policy/Reading",
        "policy": "managed policy arn:aws:iam::aws:policy/Reading",
        "version_id": "v3",
        "sha256": "0" * 64,
        "index": 0,
        "sid": "Look",
        "effect": "Allow",
        "applies": True,
        "mismatch": None,
    }
    return decisions.ExplainedStatement.model_validate(of | more)


def call(*statements: decisions.ExplainedStatement, **more: object) -> decisions.ExplainedCall:
    of: dict[str, object] = {
        "action": "sts:AssumeRole",
        "resource": f"arn:aws:iam::{OTHER}:role/ops",
        "recorded_result": "implicitly denied",
        "recorded_layer": "trust",
        "recorded_evaluator": 2,
        "result": "implicitly denied",
        "layer": "trust",
        "evaluator": 2,
        "agrees": True,
        "verdict": "denied because no role trust policy allows the sts:AssumeRole action",
        "positions": {ACCOUNT: 7},
        "context": {"aws:username": ["ann\x1b[2J"]},
        "missing_keys": ["sts:ExternalId"],
        "statements": statements,
    }
    return decisions.ExplainedCall.model_validate({
        "account_id": ACCOUNT,
        "request_id": "r-1",
        "position": 8,
        "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "principal_arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "service": "sts",
        "operation": "AssumeRole",
        "error_code": "AccessDenied",
        "error_message": None,
        "decisions": [of | more],
    })  # fmt: skip


def shown(monkeypatch: pytest.MonkeyPatch, answer: decisions.ExplainedCall, *words: str) -> int:
    class Answering:
        def ask(self, _question: object) -> Any:
            return answer

    @contextmanager
    def asked(_chosen: object) -> Iterator[Answering]:
        yield Answering()

    monkeypatch.setattr(client, "open_client", asked)
    return main(["explain", "r-1", *words])


def test_a_person_reads(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Who did what; the verdict in one line; what the policies looked at; and statement by statement what they made of
    it, and nothing that a terminal would obey."""
    mismatch = {"element": "StringEquals aws:username", "had": ["ann\x9b2J"], "wanted": ["eva", "kim"]}
    answer = call(
        statement(),
        statement(index=1, sid=None, effect="Deny", applies=False, mismatch=mismatch),
        statement(
            layer="trust",
            account_id=OTHER,
            source_type="trust",
            source_id="AROA",
            policy="trust policy of role/ops",
            version_id=None,
            sid=None,
            applies=False,
        ),
        statement(
            layer="scp",
            level="ou-ab12-11111111",
            source_type="scp",
            source_id="p-FullAWSAccess",
            policy="service control policy p-FullAWSAccess",
            version_id=None,
        ),
    )
    assert shown(monkeypatch, answer) == EXIT_OK
    what, nothing, verdict, had, lacked, gap, *table = capsys.readouterr().out.splitlines()
    assert what == "2026-01-31T12:00:00Z user/ann called sts:AssumeRole: AccessDenied"
    assert (nothing, gap, had, lacked) == ("", "", "  aws:username was ann", "  sts:ExternalId was not there")
    assert verdict == (
        f"sts:AssumeRole on arn:aws:iam::{OTHER}:role/ops: "
        "denied because no role trust policy allows the sts:AssumeRole action"
    )
    assert [re.split(" {2,}", line) for line in table] == [
        ["LAYER", "POLICY", "STATEMENT", "EFFECT", "APPLIES", "FIRST MISMATCH"],
        ["identity", "managed policy arn:aws:iam::aws:policy/Reading v3", "0 Look", "Allow", "yes", "-"],
        [
            "identity",
            "managed policy arn:aws:iam::aws:policy/Reading v3",
            "1",
            "Deny",
            "no",
            "StringEquals aws:username: ann, wanted eva or kim",
        ],
        [f"trust {OTHER}", "trust policy of role/ops", "0", "Allow", "no", "-"],
        ["scp ou-ab12-11111111", "service control policy p-FullAWSAccess", "0 Look", "Allow", "yes", "-"],
    ]


def test_what_a_caller_has_made_long(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy of hundreds of patterns and an agent of a thousand characters are told by their beginnings; as JSON,
    whole."""
    wanted = [f"*{number}" for number in range(300)]
    mismatch = {"element": "StringLike aws:UserAgent", "had": ["x" * 1_000], "wanted": wanted}
    answer = call(statement(applies=False, mismatch=mismatch))
    assert shown(monkeypatch, answer) == EXIT_OK
    told = capsys.readouterr().out
    assert f"{'x' * 160}…, wanted *0 or *1 or " in told
    assert "or *7 or 292 more (--output json)" in told
    assert len(told) < 1_500
    assert shown(monkeypatch, answer, "--output", "json") == EXIT_OK
    assert wanted[-1] in capsys.readouterr().out


def test_a_difference_is_loud(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A decision that comes out otherwise than it was recorded fails the command, in a table and as JSON, after it was
    shown; where another evaluator made it, that is said."""
    differing = {"agrees": False, "recorded_result": "allowed", "recorded_layer": "identity"}
    for words in ((), ("--output", "json")):
        assert shown(monkeypatch, call(**differing), *words) == EXIT_REFUSED
        told = capsys.readouterr()
        assert "sts:AssumeRole" in told.out
        assert told.err.startswith(
            f"muniment: NOT AS RECORDED at position 8 of account {ACCOUNT}: sts:AssumeRole was recorded as allowed "
            "(identity), and comes out as implicitly denied (trust). The ledger or the evaluation has changed"
        )
    assert shown(monkeypatch, call(**differing, recorded_evaluator=1)) == EXIT_REFUSED
    assert "It was decided by evaluator 1, and now by 2" in capsys.readouterr().err


def test_of_a_server(desk: Desk) -> None:
    """The command as a process: the last call of the history, through the server and as the operator; and an id that
    nobody was given."""
    desk.aws("iam", "list-users")
    request_id = str(desk.rows("history", "--operation", "ListUsers")[-1]["request_id"])
    (row,) = desk.rows("explain", request_id)
    assert (row["request_id"], row["operation"]) == (request_id, "ListUsers")
    local = desk.muniment("explain", request_id, "--local", "--data", str(desk.server.data), environment={})
    assert local.status == 0, local.error
    assert "iam:ListUsers on arn:aws:iam::" in local.out
    assert local.out == desk.muniment("explain", request_id).out
    unknown = desk.muniment("explain", "4711")
    assert (unknown.status, unknown.out) == (1, "")
    assert unknown.error.startswith("muniment: NoSuchEntity: The ledger of account ")
