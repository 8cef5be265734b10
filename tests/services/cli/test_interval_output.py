"""What was so between two moments, and what changed, as commands."""

import re

from tests.services.cli.conftest import Desk


def test_between_two_moments(desk: Desk) -> None:
    """Who gave and took, from when to when; what differs in the end, and every change; what cannot be meant."""
    since = f"p{desk.rows('history', '--limit', '10000')[-1]['position']}"
    policy = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}}'
    desk.aws("iam", "create-user", "--user-name", "spanned")
    of_user = ("--user-name", "spanned", "--policy-name", "short")
    desk.aws("iam", "put-user-policy", *of_user, "--policy-document", policy)
    desk.aws("iam", "delete-user-policy", *of_user)
    desk.aws("iam", "update-user", "--user-name", "spanned", "--new-path", "/x/")
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
    assert [re.split(" {2,}", line)[2:] for line in differs.out.splitlines()] == [
        ["BY", "OPERATION", "WHAT CHANGED"],
        ["user/admin", "iam:CreateUser", "User spanned was created."],
        ["user/admin", "iam:UpdateUser", "User spanned changed: path was / and is /x/."],
    ]
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
