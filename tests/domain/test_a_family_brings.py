"""What a family brings of its own, each registered where it is written: condition keys, documents, what becomes due."""

import pytest

from domain import call_context, entity_kinds
from domain.call_context import CallContext, ConditionValues, condition_key
from domain.callers import Caller, principal_of
from domain.calls import Call
from domain.credential_kinds import LifecycleKind
from domain.entity_kinds import prevents_deletion
from domain.foundation.errors import DeleteConflict
from domain.policy import POLICY_TYPES, MalformedPolicyDocument, PolicyType, document, lint, parse
from domain.rules.users import delete_user
from tests.domain.accounts import AT, CAUSE, new_account, user_arn, with_users
from tests.domain.policy.catalogue import CATALOGUE


def test_a_condition_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there for calls that have it, among the others, and absent from those that do not."""
    monkeypatch.setattr(call_context, "_KEYS", dict(call_context._KEYS))

    @condition_key("iam:resourceage")
    def resource_age(context: CallContext) -> ConditionValues | None:
        return ("7",) if context.resource.endswith("/ann") else None

    account = with_users(new_account(), "ann")
    caller = Caller(principal_of(account, "AIDAann"), "AIDAann", "k")
    call = Call(caller, CAUSE, AT, random=lambda _count: b"", seal_session=lambda *_: "")
    on_ann = CallContext(call, account, account, user_arn("ann"), {})
    assert on_ann["iam:resourceage"] == ("7",)
    assert "iam:resourceage" in list(on_ann)
    assert "iam:resourceage" not in list(CallContext(call, account, account, "*", {}))


@pytest.mark.parametrize("name", ["aws:currenttime", "aws:new", "iam:Age"])
def test_condition_keys_that_no_family_has(name: str) -> None:
    """Global ones, and those that no look-up would find."""
    with pytest.raises(TypeError, match=name):
        condition_key(name)(lambda _context: None)


def test_what_keeps_its_owner_from_being_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is there, whoever of its kind has it; others go."""
    monkeypatch.setattr(entity_kinds, "_conflicts", [*entity_kinds._conflicts])
    prevents_deletion(4, "delete SSH public keys", lambda _account, entity_id: entity_id == "AIDAann")
    account = with_users(new_account(), "ann", "ben")
    with pytest.raises(DeleteConflict, match=r"^Cannot delete entity, must delete SSH public keys first\.$"):
        delete_user(account, user_name="ann")
    delete_user(account, user_name="ben")


def test_a_kind_of_credentials() -> None:
    """Two families of one kind do not start."""
    with pytest.raises(TypeError, match="access_key"):
        LifecycleKind("access_key", of=lambda *_: (), find=lambda *_: None)


def test_a_type_of_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grammar of its own, in the parser and in the linter; two types of one name do not start."""
    monkeypatch.setattr(document, "POLICY_TYPES", dict(POLICY_TYPES))
    endpoint = PolicyType("endpoint", ("Sid", "Effect", "Action", "Principal"), service="s3")
    allowed = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Principal": "*"}}'
    assert parse(allowed, endpoint).type is endpoint
    with pytest.raises(MalformedPolicyDocument):
        parse(allowed.replace("s3:", "iam:"), endpoint)
    with pytest.raises(MalformedPolicyDocument):
        parse(allowed.replace('"Principal"', '"Resource"'), endpoint)
    assert "MISSING_RESOURCE" not in {finding.code for finding in lint(allowed, endpoint, CATALOGUE)}
    with pytest.raises(TypeError, match="endpoint"):
        PolicyType("endpoint", ())
