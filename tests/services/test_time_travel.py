"""Under /as-of/ every operation that reads answers what it answered then; nothing else about it is different."""

from dataclasses import replace

import pytest

from domain.account import Account
from domain.calls import ApiCalled, Call, Outcome, done
from domain.families.credential_use import CredentialUsed
from domain.families.users import UserCreated
from domain.foundation.errors import AccessDenied, NoSuchEntity, Refusal, ValidationError
from domain.queries.reevaluation import Reevaluation, reevaluate_decision
from domain.time_travel import TIME_TRAVEL
from services.wire import operations
from services.wire.decision import AuthenticatedRequest, decision_for
from services.wire.errors import UnknownPath
from services.wire.operations import Operation
from services.wire.time_travel import RequestPath
from tests.services import story
from tests.services.endpoint import ALL, SERVICES, Endpoint, allow, arn, deny, document, seal, trusting
from tests.services.organizations.test_organizations import KNOWN as OF_ORGANIZATIONS


def test_paths_name_moments() -> None:
    """What stands behind the moment is the path that would be asked today, with a slash or without."""
    split = RequestPath.split
    assert split(b"/") == (None, b"", b"/")
    assert split(b"/as-of/p7/") == split(b"/as-of/p7") == ("p7", b"/as-of/p7", b"/")
    assert split(b"/as-of/2026-03-01T00%3A00%3A00%2B01:00/policy/validation") == (
        "2026-03-01T00:00:00+01:00",
        b"/as-of/2026-03-01T00%3A00%3A00%2B01:00",
        b"/policy/validation",
    )
    assert split(b"/as-of/%ff/") == ("\\xff", b"/as-of/%ff", b"/")


@pytest.mark.parametrize("signed", [b"/", b"/policy/validation", b"/as-of/p77/policy", b"/as-of/p8/"])
def test_a_path_stays_behind_its_moment(signed: bytes) -> None:
    """The path that was signed counts, and no respelling of it takes a call to another moment."""
    path = RequestPath.split(b"/as-of/p7/policy/../x")
    assert path.behind_moment(b"/as-of/p7/x") == b"/x"
    assert path.behind_moment(b"/as-of/p7") == b"/"
    with pytest.raises(UnknownPath):
        path.behind_moment(signed)


TRUST = document(trusting("123456789012"))
OF_CHECKS = {
    **dict.fromkeys(("policyDocument", "existingPolicyDocument", "newPolicyDocument"), TRUST),
    "policyType": "RESOURCE_POLICY",
    "resourceType": "AWS::IAM::AssumeRolePolicyDocument",
    "access": [{"actions": ["sts:TagSession"]}],
}
READS = [operation for operation in ALL if operation.read_only]


def asked(endpoint: Endpoint, operation: Operation) -> object:
    """The answer or the refusal."""
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    known = {**story.members(), **(OF_ORGANIZATIONS if operation.service == "organizations" else {})}
    if operation.service == "cloudtrail":
        known |= {"Name": "muniment"}
    if operation.name.startswith("CheckNo") or operation.name == "CheckAccessNotGranted":
        known |= OF_CHECKS
    members = {name: known[name] for name in (shape.members if shape else ()) if name in known}
    try:
        return endpoint.call(endpoint.root, f"{operation.service}:{operation.name}", **members)
    except Refusal as refusal:
        return refusal.code, refusal.message


@pytest.mark.parametrize("operation", READS, ids=lambda operation: f"{operation.service}:{operation.name}")
def test_the_past_answers_what_it_answered(operation: Operation) -> None:
    """As-of equals what was live then: every operation that reads, asked after each step of an account's life and
    later about that moment, gives the same, answers and refusals alike. One added later is in this test by itself."""
    endpoint = Endpoint()
    live: list[tuple[int, object]] = []
    for step in story.STORY:
        story.take(endpoint, step)
        answer = asked(endpoint, operation)
        live.append((len(endpoint.entries), answer))
    endpoint.later(days=1)
    for position, answer in live:
        endpoint.moment = f"p{position}"
        if answer not in REPORTS_NOT_THERE:
            assert asked(endpoint, operation) == answer, f"As of position {position}"
        else:
            assert isinstance(asked(endpoint, operation), dict), f"As of position {position} there is a report"
        assert endpoint.record.parameters["as_of"] == endpoint.moment, "The look into the past is on record."
    if operation.on is not None and operation.service != "access-analyzer":
        assert (
            len({repr(answer) for _, answer in live}) > 1
            or operation.name in UNMOVED
            or operation.service == "organizations"
        ), "The story moves it."


REPORTS_NOT_THERE = (
    ("ReportNotPresent", "The credential report does not exist. To generate one, use GenerateCredentialReport."),
    ("ReportExpired", "The most recent credential report has expired. To generate one, use GenerateCredentialReport."),
)
"""What nobody had made then, the past tells all the same (docs/adr/0052)."""
UNMOVED = {
    *("DecodeAuthorizationMessage", "GetAccessKeyInfo", "GetContextKeysForCustomPolicy", "SimulateCustomPolicy"),
    *("GetOrganizationsAccessReport", "ListOrganizationsFeatures"),
    *("DescribeRegions", "GetAccountInformation", "GetRegionOptStatus", "ListRegions"),
    *("DescribeConfigRules", "DescribeHub", "DescribeStandards", "GetEnabledStandards"),
    *("DescribeTrails", "GetTrail", "GetTrailStatus", "ListPublicKeys", "ListTrails"),
}
"""What they tell is no matter of the account's past, or of an organization, which it is in none of, or of trails, which
no operation of AWS's begins here."""


@pytest.mark.parametrize("operation", [op for op in ALL if not op.tells_past], ids=lambda operation: operation.action)
def test_the_past_takes_no_writes(operation: Operation) -> None:
    """Refused with what is wrong, whoever asks, before anything is looked at; and nothing is changed."""
    endpoint = Endpoint()
    endpoint.moment = "p2"
    request = AuthenticatedRequest(
        endpoint.root, endpoint.cause(endpoint.root, operation.action), operation, {}, as_of="p2"
    )
    decided = endpoint._decided(decision_for(request, bytes, seal))
    assert isinstance(decided.result, ValidationError)
    assert decided.result.message.startswith(f"{operation.action} changes state")
    assert [type(event) for append in decided.appends for event in append.events] == [CredentialUsed, ApiCalled]


def test_a_write_in_disguise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation that is called like one that reads, and writes, changes neither the past nor the present."""

    def get_user(_account: Account, _call: Call, *, user_name: str) -> Outcome:
        return done(UserCreated(user_id="AIDA1", user_name=user_name, path="/"))

    endpoint = Endpoint()
    endpoint.user("ann")
    found = operations.find_operation("iam", "GetUser")
    assert found is not None
    monkeypatch.setitem(operations._operations, ("iam", "GetUser"), replace(found, run=get_user))
    endpoint.moment = f"p{len(endpoint.entries)}"
    with pytest.raises(ValidationError, match="iam:GetUser changes state"):
        endpoint.call(endpoint.root, "GetUser", UserName="ann")


def test_who_asks_by_no_policy_reads_nothing_of_an_account() -> None:
    """An operation that authorizes by itself would ask the policies of then. None that reads does, but the one that
    tells a caller who it is."""
    assert {operation.name for operation in READS if operation.on is None} == {"GetCallerIdentity"}


def test_looking_back_takes_both_permissions_now() -> None:
    """TimeTravel, on the operation, and the action itself, on what was then: with one of them nothing is told."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="eve", Path="/old/")
    then = len(endpoint.entries)
    travels = allow(TIME_TRAVEL, arn("as-of/iam/GetUser", "muniment"))
    ann = endpoint.user("ann", travels)
    bob = endpoint.user("bob", allow("iam:GetUser"))
    kim = endpoint.user("kim", travels, allow("iam:GetUser", arn("user/old/*")))
    endpoint.call(endpoint.root, "UpdateUser", UserName="eve", NewPath="/new/")
    endpoint.moment = f"p{then}"
    with pytest.raises(AccessDenied, match=r"perform: iam:GetUser on resource: \S+:user/eve because no identity"):
        endpoint.call(ann, "GetUser", UserName="eve")
    with pytest.raises(AccessDenied, match=r"perform: muniment:TimeTravel on resource: .*:as-of/iam/GetUser because"):
        endpoint.call(bob, "GetUser", UserName="eve")
    assert endpoint.call(kim, "GetUser", UserName="eve")["User"]["Path"] == "/old/"
    with pytest.raises(AccessDenied, match="TimeTravel"):
        endpoint.call(kim, "ListUsers")
    endpoint.moment = None
    with pytest.raises(AccessDenied, match=r"on resource: \S+:user/eve"):
        endpoint.call(kim, "GetUser", UserName="eve")


def test_tags_are_those_of_then() -> None:
    """What a policy says of the resource's tags is asked of the resource as it was."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="eve", Tags=[{"Key": "team", "Value": "red"}])
    then = len(endpoint.entries)
    red = allow("iam:GetUser", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})
    ann = endpoint.user("ann", allow(TIME_TRAVEL), red)
    endpoint.call(endpoint.root, "UntagUser", UserName="eve", TagKeys=["team"])
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetUser", UserName="eve")
    endpoint.moment = f"p{then}"
    assert endpoint.call(ann, "GetUser", UserName="eve")["User"]["UserName"] == "eve"
    assert all(made.agrees for made in made_again(endpoint))


def test_how_far_back_is_a_condition() -> None:
    """The position of the last change that is looked at is a condition key: a policy can end the past somewhere."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="eve")
    then = len(endpoint.entries)
    recent = {"NumericGreaterThanEquals": {"muniment:AsOfPosition": str(then - 1)}}
    ann = endpoint.user("ann", allow(TIME_TRAVEL), allow("iam:GetUser", Condition=recent))
    endpoint.moment = f"p{then}"
    assert endpoint.call(ann, "GetUser", UserName="eve")["User"]["UserName"] == "eve"
    endpoint.moment = f"p{then - 2}"
    with pytest.raises(AccessDenied, match="iam:GetUser"):
        endpoint.call(ann, "GetUser", UserName="eve")
    endpoint.moment = None
    with pytest.raises(AccessDenied, match="iam:GetUser"):
        endpoint.call(ann, "GetUser", UserName="eve")


def test_what_was_denied_then_stays_denied() -> None:
    """An explicit deny of either time: lifted since, it covers what happened under it; set since, it covers all."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow())
    put = {"UserName": "ann", "PolicyName": "not", "PolicyDocument": document(deny("iam:ListUsers"))}
    before = len(endpoint.entries)
    endpoint.call(endpoint.root, "PutUserPolicy", **put)
    under = len(endpoint.entries)
    endpoint.call(endpoint.root, "DeleteUserPolicy", UserName="ann", PolicyName="not")
    endpoint.moment = f"p{before}"
    assert endpoint.call(ann, "ListUsers")["Users"]
    assert [decision.result for decision in endpoint.record.decisions] == ["allowed", "allowed"]
    endpoint.moment = f"p{under}"
    with pytest.raises(AccessDenied, match=r"iam:ListUsers on resource: .* with an explicit deny in an identity-based"):
        endpoint.call(ann, "ListUsers")
    assert [made.agrees for made in made_again(endpoint)] == [True, True, True]
    endpoint.moment = None
    endpoint.call(endpoint.root, "PutUserPolicy", **put)
    endpoint.moment = f"p{before}"
    with pytest.raises(AccessDenied, match="with an explicit deny"):
        endpoint.call(ann, "ListUsers")


def test_who_was_not_there_yet_may_look() -> None:
    """A caller who came later is allowed by what holds now; asked for itself, it finds nobody."""
    endpoint = Endpoint()
    then = len(endpoint.entries)
    ann = endpoint.user("ann", allow())
    endpoint.moment = f"p{then}"
    assert endpoint.call(ann, "ListUsers")["Users"] == []
    with pytest.raises(NoSuchEntity, match="There was no user AIDA"):
        endpoint.call(ann, "GetUser")


def made_again(endpoint: Endpoint) -> list[Reevaluation]:
    """The last call's decisions, from its ledger alone."""
    return [
        reevaluate_decision(
            endpoint.entries[-1],
            record,
            {account_id: endpoint.as_of(position) for account_id, position in record.positions.items()},
            None,
            None if record.as_of is None else endpoint.as_of(record.as_of),
        )
        for record in endpoint.record.decisions
    ]
