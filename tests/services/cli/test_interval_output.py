"""What was so between two moments, and what changed, as commands."""

import re
from datetime import UTC, datetime

import pytest

from services.api.contract.diff import FactState, NetDifference
from services.api.contract.time_span import Occurrence
from services.cli.commands.diff import DIFFERENCES
from tests.services.cli.conftest import Desk

STATE = FactState(said={}, document=None)


def test_between_two_moments(desk: Desk) -> None:
    """Who gave and took, from when to when; what differs in the end, and every change; what cannot be meant."""
    since = f"p{desk.rows('history', '--limit', '10000')[-1]['position']}"
    policy = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}}'
    desk.aws("iam", "create-user", "--user-name", "spanned")
    of_user = ("--user-name", "spanned", "--policy-name", "short")
    desk.aws("iam", "put-user-policy", *of_user, "--policy-document", policy)
    desk.aws("iam", "delete-user-policy", *of_user)
    until = f"p{desk.rows('history', '--limit', '10000')[-1]['position']}"
    span = ("--from", since, "--to", until)
    title, *lines = desk.muniment("who-can", "iam:GetUser", "*", *span).out.splitlines()
    assert title.split() == ["PRINCIPAL", "ACCESS", "FROM", "OPENED", "BY", "TO", "CLOSED", "BY", "REASON"]
    (line,) = [line for line in lines if line.startswith("user/spanned ")]
    (roots,) = [line for line in lines if line.startswith("root ")]
    assert "  at the start  " in roots
    assert "  at the end  " in roots
    assert "  PutUserPolicy user/admin  " in line
    assert "  DeleteUserPolicy user/admin  " in line
    assert [line.split()[0] for line in desk.muniment("permissions", "spanned", *span).out.splitlines()] == [
        "POLICY",
        "short",
    ]
    differs = desk.muniment("diff", since, until)
    assert [line.split("  ")[0] for line in differs.out.splitlines()][1:] == ["User spanned was created."]
    named, undone = differs.error.splitlines()
    assert re.fullmatch(rf"muniment: From {since} \(2\S+Z\) to {until} \(2\S+Z\)\.", named)
    assert undone == "muniment: 1 more was changed and changed back: see --all."
    assert "Inline policy short of user spanned was deleted." in desk.muniment("diff", since, until, "--all").out
    assert desk.muniment("who-can", "iam:GetUser", "*", "--from", since).error.endswith("Z), which was now.\n")
    (row,) = desk.rows("diff", since, until)
    assert row["kind"] == "user"
    for words, said in (
        (("who-can", "iam:GetUser", "*", "--to", until), "--to ends what --from begins"),
        (("can-assume", "any", "--from", since, "--as-of", since), "--as-of is about one moment"),
        (("diff", since, "yesterday"), "A moment is now, an age such as"),
    ):
        refused = desk.muniment(*words)
        assert (refused.status, said in refused.error) == (2, True)


def _change(position: int, by: str) -> Occurrence:
    return Occurrence(
        account_id="111122223333", position=position, at=datetime(2026, 1, position, tzinfo=UTC), event_id=None,
        topic=None, operation="iam:Some", event="", by=by,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "by"),
    [(None, STATE, "user/intruder"), (STATE, STATE, "user/responder"), (STATE, None, "user/responder")],
)
def test_who_did_what_the_sentence_says(before: FactState | None, after: FactState | None, by: str) -> None:
    """Of a key that an intruder created and a responder deactivated, the creator is named where it was created."""
    changes = (_change(9, "user/responder"), _change(4, "user/intruder"))
    found = NetDifference(
        kind="access key",
        id="AKIAEXAMPLE",
        name="AKIAEXAMPLE",
        sentence="…",
        before=before,
        after=after,
        events=changes,
    )
    shown = {column.title: column.of(found) for column in DIFFERENCES}
    assert (shown["BY"], shown["POSITION"]) == (by, "4" if before is None else "9")
