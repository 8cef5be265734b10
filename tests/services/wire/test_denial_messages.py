"""What is told of a decision on policies of two accounts: to each its own, and of the other's the name."""

import json

import pytest

from domain.calls import ApiCalled
from domain.foundation.errors import AccessDenied
from domain.foundation.events import Entry
from domain.queries.reevaluation import Reevaluation, reevaluate_decision
from services.api.handlers.decisions import explain_decision
from services.wire.denial_messages import message_document
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, trusting

OTHER = "210987654321"
KNOWN = {"StringEquals": {"sts:ExternalId": "handshake"}}
TAGGED = {"StringEquals": {"aws:ResourceTag/stage": "night"}}


@pytest.fixture
def denied() -> tuple[Entry, Reevaluation]:
    """Ann may assume the role, by her own policies; the role's trust policy has a statement that does not match and
    one that denies."""
    home = Endpoint()
    away = Endpoint(OTHER, beside=home)
    ann = home.user("ann", allow("sts:AssumeRole", Sid="Mine"), deny("sts:AssumeRole", Condition=TAGGED))
    trust = trusting(arn("user/ann"), Sid="Theirs", Condition=KNOWN)
    role_arn = away.role("ops", trust)
    both = [trust, trusting(ACCOUNT, Sid="Never") | {"Effect": "Deny"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": both})
    away.call(away.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=policy)
    with pytest.raises(AccessDenied):
        home.session(ann, RoleArn=role_arn)
    entry = home.entries[-1]
    assert isinstance(entry.event, ApiCalled)
    record = entry.event.decisions[-1]
    accounts = {account_id: home.ledgers[account_id].as_of(at) for account_id, at in record.positions.items()}
    return entry, reevaluate_decision(entry, record, accounts, None)


def test_the_explanation_is_of_the_account_s_own_policies(denied: tuple[Entry, Reevaluation]) -> None:
    """Of its own statements an account is told Sid, mismatch and condition keys; of the other account's, which policy,
    its digest, and whether it applied."""
    _, made = denied
    for account_id, other, sids in ((ACCOUNT, OTHER, {"Mine", None}), (OTHER, ACCOUNT, {"Theirs", "Never"})):
        told = explain_decision(account_id, made)
        own = [statement for statement in told.statements if statement.account_id == account_id]
        others = [statement for statement in told.statements if statement.account_id == other]
        assert {statement.sid for statement in own} == sids
        assert [statement.mismatch is None for statement in own] == [statement.applies for statement in own]
        assert len(others) == 2
        assert all(statement.sid is None and statement.mismatch is None for statement in others)
        assert sorted(statement.applies for statement in others) == [False, True]
        assert all(len(statement.sha256) == 64 for statement in others)
        assert told.verdict == "denied with an explicit deny in the role trust policy"
    assert explain_decision(ACCOUNT, made).missing_keys == ("aws:ResourceTag/stage",)
    assert explain_decision(OTHER, made).missing_keys == ("sts:ExternalId",)


def test_the_message_has_no_text_of_another_account_s_policies(denied: tuple[Entry, Reevaluation]) -> None:
    """The statement that denied is named by policy, digest and index; the caller's own is told whole."""
    entry, made = denied
    document = message_document(entry, made)
    assert document["explicitDeny"] is True
    statements = document["matchedStatements"]
    assert isinstance(statements, dict)
    mine, theirs = statements["items"]
    assert mine["statementId"] == "Mine"
    assert theirs.keys() == {"policy", "effect"}
    assert (theirs["effect"], theirs["policy"]["statementIndex"]) == ("DENY", 1)
    assert "Never" not in json.dumps(document)
    assert "handshake" not in json.dumps(document)
