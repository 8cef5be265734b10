"""What two documents differ in, told by their statements."""

import json

import pytest

from domain.policy import document_differences, say_the_same, statement_differences
from domain.policy.statement_texts import statement_texts

GET = {"Sid": "Get", "Effect": "Allow", "Action": ["iam:GetUser", "iam:GetRole"], "Resource": "*"}
GET_SAID = "Effect Allow, Action iam:GetRole, iam:GetUser, Resource *"
DENY = {
    "Effect": "Deny",
    "Action": "iam:*",
    "Resource": ["arn:aws:iam::123456789012:user/a", "*"],
    "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}, "Bool": {"aws:SecureTransport": "false"}},
}
RED_OR_BLUE = 'StringEquals aws:PrincipalTag/team "blue", StringEquals aws:PrincipalTag/team "red"'
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ["123456789012", "AIDAEXAMPLEEXAMPLE"]}}


def document(*statements: object, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (document(GET, DENY), json.dumps(json.loads(document(GET, DENY)), indent=4)),
        (document(GET, DENY), document(DENY, GET)),
        (document(GET), document({**GET, "Action": ["iam:GetRole", "iam:GetUser"]})),
        (document(GET), document(dict(reversed(GET.items())))),
        (document(GET), json.dumps({"Statement": {**GET, "Resource": ["*"]}, "Version": "2012-10-17"})),
        (document(GET), document({**GET, "Action": ["iam:GetUser", "iam:GetRole", "iam:GetUser"]})),
        (
            document(DENY),
            document(
                DENY
                | {
                    "Condition": {
                        "Bool": {"aws:SecureTransport": [False]},
                        "StringEquals": {"aws:PrincipalTag/team": ["blue", "red"]},
                    }
                }
            ),
        ),
        (document(TRUST), document({**TRUST, "Principal": {"AWS": ["AIDAEXAMPLEEXAMPLE", "123456789012"]}})),
        (
            document(TRUST),
            document({**TRUST, "Principal": {"AWS": ["AIDAEXAMPLEEXAMPLE", "arn:aws:iam::123456789012:root"]}}),
        ),
        (document({**DENY, "Sid": ""}), document(DENY)),
        (json.dumps({"Statement": GET}), document(GET, version="2008-10-17")),
    ],
)
def test_how_it_is_written_means_nothing(one: str, other: str) -> None:
    """White space, order of names, statements and values, one value or a list of it, the number of an account or the
    ARN of its root: the same document, for a difference and for what a lineage has altered."""
    assert one != other
    assert statement_texts(one) == statement_texts(other)
    assert say_the_same(one, other)
    assert say_the_same(other, one)
    assert statement_differences(one, other) == ()
    assert list(document_differences(one, other)) == []


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (
            document(GET),
            document({**GET, "Action": ["iam:GetRole", "iam:DeleteUser"]}),
            ["statement Get changed (Action gained iam:DeleteUser and lost iam:GetUser)"],
        ),
        (
            document(GET, DENY),
            document(DENY),
            [f"statement Get was removed ({GET_SAID})"],
        ),
        (
            document(DENY),
            document(GET, {**DENY, "Effect": "Allow"}),
            [
                f"statement Get was added ({GET_SAID})",
                "statement 1 changed (Effect was Deny and is Allow)",
            ],
        ),
        (
            document(TRUST),
            document({**TRUST, "Principal": {"AWS": "123456789012", "Service": "ec2.amazonaws.com"}}),
            ["statement 0 changed (Principal gained Service ec2.amazonaws.com and lost AWS AIDAEXAMPLEEXAMPLE)"],
        ),
        (
            document(DENY),
            document({name: value for name, value in DENY.items() if name != "Condition"}),
            [f'statement 0 changed (Condition lost Bool aws:SecureTransport "false", {RED_OR_BLUE})'],
        ),
        (
            document(GET, version="2008-10-17"),
            document({**GET, "Sid": "Read"}),
            ["Version was 2008-10-17 and is 2012-10-17", "statement Read changed (Sid was Get and is Read)"],
        ),
        (
            document({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}),
            document({"Effect": "Deny", "Action": "sts:*", "Resource": "arn:aws:iam::123456789012:role/r"}),
            [
                "statement 0 was removed (Effect Allow, Action iam:*, Resource *)",
                "statement 0 was added (Effect Deny, Action sts:*, Resource arn:aws:iam::123456789012:role/r)",
            ],
        ),
        (
            document({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}),
            document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
            [
                "statement 0 was removed (Effect Allow, Action iam:*, Resource *)",
                "statement 0 was added (Effect Allow, NotAction iam:*, Resource *)",
            ],
        ),
        (document(GET), document(GET, GET | {"Sid": "Too"}), [f"statement Too was added ({GET_SAID})"]),
    ],
)  # fmt: skip
def test_statements_are_told_apart(one: str, other: str, said: list[str]) -> None:
    """By Sid, or by what else they say, with the elements that changed; the rest is not mentioned."""
    assert not say_the_same(one, other)
    assert list(document_differences(one, other)) == said


def test_a_condition_s_key_ends_where_its_value_begins() -> None:
    """Both may have spaces: a tag's key and its value are not mistaken for another tag's."""
    one, other = ({"StringEquals": {f"aws:PrincipalTag/{key}": value}} for key, value in (("a b", "c"), ("a", "b c")))
    assert not say_the_same(document({**GET, "Condition": one}), document({**GET, "Condition": other}))


def test_a_document_that_came_or_went_is_all_of_its_statements() -> None:
    """Each with its index."""
    came = statement_differences(None, document(GET, DENY))
    assert [(each.before, each.after.index) for each in came if each.after] == [(None, 0), (None, 1)]
    went = statement_differences(document(GET, DENY), None)
    assert [(each.after, each.before.index) for each in went if each.before] == [(None, 0), (None, 1)]
    assert statement_differences(None, None) == ()
    assert not say_the_same(None, document(GET))
