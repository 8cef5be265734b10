"""What is kept of a document that was read."""

import hashlib
import json

import pytest

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy.decode import policy_size
from domain.policy.document import ACTIONS_REMEMBERED_PER_POLICY_MAX, Effect, PolicyType, compiled, parse
from tests.domain.policy.test_document import ALLOW, TRUST, document


def test_what_a_policy_holds() -> None:
    """Version defaults to 2008-10-17; index, Sid, effect and the digest of the text are kept for decision records."""
    text = json.dumps({"Statement": [ALLOW, ALLOW | {"Sid": "Second", "Effect": "Deny"}]})
    policy = parse(text, PolicyType.IDENTITY)
    assert (policy.version, policy.id, policy.type) == ("2008-10-17", None, PolicyType.IDENTITY)
    assert policy.sha256 == hashlib.sha256(text.encode()).hexdigest()
    first, second = policy.statements
    assert (first.index, first.sid, first.effect) == (0, None, Effect.ALLOW)
    assert (second.index, second.sid, second.effect) == (1, "Second", Effect.DENY)
    assert parse(document(TRUST, Id="x"), PolicyType.TRUST).id == "x"


def test_a_policy_finds_its_statements_by_action() -> None:
    """Only the statements about an action are looked at, however many other actions were asked about before."""
    policy = parse(document(ALLOW, ALLOW | {"Action": "iam:List*"}, ALLOW | {"Action": "*"}), PolicyType.IDENTITY)
    for number in range(ACTIONS_REMEMBERED_PER_POLICY_MAX + 1):
        assert [statement.index for statement in policy.about[f"s3:get{number}"]] == [2]
    for _ in range(2):
        assert [statement.index for statement in policy.about["iam:listusers"]] == [1, 2]
        assert [statement.index for statement in policy.about["iam:getuser"]] == [0, 2]


def test_stored_documents_are_compiled_once() -> None:
    """The same text is the same policy; as another type it is judged by that type's grammar."""
    assert compiled(document(ALLOW), PolicyType.IDENTITY) is compiled(document(ALLOW), PolicyType.IDENTITY)
    assert compiled(document(ALLOW), PolicyType.SESSION).type is PolicyType.SESSION
    with pytest.raises(MalformedPolicyDocument):
        _ = compiled(document(ALLOW), PolicyType.TRUST).statements


def test_white_space_does_not_count() -> None:
    """IAM does not count white space, in strings neither; a no-break space is a character like others."""
    assert policy_size(' {\r\n\t"Sid": "a b"}') == len('{"Sid":"ab"}')
    assert policy_size("a\xa0b\x85") == 4
