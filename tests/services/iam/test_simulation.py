"""What simulations answer, as a stock client reads it."""

import json
from typing import Any

import pytest

from domain.boundaries import PermissionsBoundaryPut
from domain.errors import AccessDenied, InvalidInput, NoSuchEntity
from domain.organization import Level, Membership, OrganizationPoliciesApplied, OrganizationPolicy
from domain.rules.simulation_exclusions import Exclusion, excluded
from domain.tags import EntityTagged
from tests.services.driving import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

ANN = arn("user/ann")
BUCKET = "arn:aws:s3:::bucket"
STRANGER = "arn:aws:iam::210987654321:user/eva"
AFTER_2018 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "dynamodb:*",
            "Resource": "*",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2018-08-16T12:00:00Z"}},
        },
    },
    separators=(",", ":"),
)
"""That of the AWS CLI's examples of `simulate-custom-policy`."""
LISTING = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "codecommit:ListRepositories",
            "Resource": "*",
            "Sid": "x"
        }
    ]
}"""
"""Laid out like the one in the example of `simulate-principal-policy`."""


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def entry(name: str, kind: str, *values: str) -> dict[str, object]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": values}


def custom(endpoint: Endpoint, *policies: str, **members: object) -> Any:
    """The only result."""
    (result,) = endpoint.call(endpoint.root, "SimulateCustomPolicy", PolicyInputList=policies, **members)[
        "EvaluationResults"
    ]
    return result


def principal(endpoint: Endpoint, source: str, **members: object) -> Any:
    """The only result."""
    (result,) = endpoint.call(endpoint.root, "SimulatePrincipalPolicy", PolicySourceArn=source, **members)[
        "EvaluationResults"
    ]
    return result


@pytest.mark.parametrize(
    ("moment", "decision", "matched"),
    [
        (
            "2019-04-25T11:00:00Z",
            "allowed",
            [
                {
                    "SourcePolicyId": "PolicyInputList.1",
                    "SourcePolicyType": "none",
                    "StartPosition": {"Line": 1, "Column": 38},
                    "EndPosition": {"Line": 1, "Column": 167},
                }
            ],
        ),
        ("2014-04-25T11:00:00Z", "implicitDeny", []),
    ],
)
def test_the_examples_of_documents(endpoint: Endpoint, moment: str, decision: str, matched: list[object]) -> None:
    """Both examples of the AWS CLI's `simulate-custom-policy`, answer for answer."""
    given = entry("aws:CurrentTime", "date", moment)
    assert custom(endpoint, AFTER_2018, ActionNames=["dynamodb:CreateBackup"], ContextEntries=[given]) == {
        "EvalActionName": "dynamodb:CreateBackup",
        "EvalResourceName": "*",
        "EvalDecision": decision,
        "MatchedStatements": matched,
        "MissingContextValues": [],
    }


def test_the_example_of_a_principal(endpoint: Endpoint) -> None:
    """That of `simulate-principal-policy`: the policy goes by its name, and its statement from the line on which the
    list opens to the line that ends it."""
    endpoint.user("ann")
    named = {"UserName": "ann", "PolicyName": "Grant-Access-To-CodeCommit-ListRepo"}
    endpoint.call(endpoint.root, "PutUserPolicy", PolicyDocument=LISTING, **named)
    assert principal(endpoint, ANN, ActionNames=["codecommit:ListRepositories"])["MatchedStatements"] == [
        {
            "SourcePolicyId": "Grant-Access-To-CodeCommit-ListRepo",
            "SourcePolicyType": "user",
            "StartPosition": {"Line": 3, "Column": 19},
            "EndPosition": {"Line": 9, "Column": 10},
        }
    ]


def test_a_later_statement_begins_behind_the_one_before(endpoint: Endpoint) -> None:
    """Start and end cut the statement out of the text, comma and spaces before it aside."""
    text = document(allow("s3:*"), deny("s3:DeleteObject"))
    (matched,) = custom(endpoint, text, ActionNames=["s3:DeleteObject"])["MatchedStatements"]
    cut = text[matched["StartPosition"]["Column"] - 1 : matched["EndPosition"]["Column"] - 1]
    assert json.loads(cut.lstrip(", ")) == deny("s3:DeleteObject")


def test_one_result_an_action_with_the_most_restrictive_decision(endpoint: Endpoint) -> None:
    """Each resource has its own result; above them stands the hardest, with the statements that made it and the keys
    that any of them lacks."""
    text = document(
        allow("s3:GetObject", f"{BUCKET}/*"),
        deny("s3:GetObject", f"{BUCKET}/secret"),
        allow("s3:GetObject", f"{BUCKET}/of", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
    )
    resources = [f"{BUCKET}/open", f"{BUCKET}/secret", f"{BUCKET}/of", "arn:aws:s3:::other/x"]
    result = custom(endpoint, text, ActionNames=["s3:GetObject"], ResourceArns=resources)
    assert result["EvalDecision"] == "explicitDeny"
    assert result["EvalResourceName"] == "*"
    assert [each["EvalResourceName"] for each in result["ResourceSpecificResults"]] == resources
    decisions = [each["EvalResourceDecision"] for each in result["ResourceSpecificResults"]]
    assert decisions == ["allowed", "explicitDeny", "allowed", "implicitDeny"]
    assert [len(each["MatchedStatements"]) for each in result["ResourceSpecificResults"]] == [1, 1, 1, 0]
    assert result["MatchedStatements"] == result["ResourceSpecificResults"][1]["MatchedStatements"]
    assert result["MissingContextValues"] == ["aws:SourceVpc"]
    missing = [each["MissingContextValues"] for each in result["ResourceSpecificResults"]]
    assert missing == [[], [], ["aws:SourceVpc"], []]
    assert result["EvalDecisionDetails"] == {}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ActionNames": ["GetUser"]}, 'ActionNames.1: .*"GetUser"'),
        ({"ActionNames": ["iam:GetUser", "iam:Get*"]}, 'ActionNames.2: .*"iam:Get\\*"'),
        ({"ResourceArns": ["*", "bucket"]}, 'ResourceArns.2: .*"bucket"'),
        ({"PolicyInputList": [document(allow()), "{"]}, "PolicyInputList.2: .*invalid Json"),
        ({"PermissionsBoundaryPolicyInputList": [document(allow())] * 2}, "one policy at most, got 2"),
        ({"PermissionsBoundaryPolicyInputList": [document(trusting(ACCOUNT))]}, "PermissionsBoundaryPolicyInputList.1"),
        (
            {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["{"]}]},
            "OrderedOrganizationPolicyInputList.1.ServiceControlPolicyInputList.1: ",
        ),
        ({"ResourcePolicy": document(allow(Principal="*"))}, "CallerArn: expected one"),
        ({"ResourcePolicy": document(allow()), "CallerArn": ANN}, "ResourcePolicy: .*Principal"),
        ({"CallerArn": "arn:aws:sts::123456789012:assumed-role/ops/x"}, "CallerArn: .*assumed-role/ops/x"),
        ({"ResourceOwner": "ann"}, "ResourceOwner: expected twelve digits.*ann"),
        ({"ResourceHandlingOption": "EC2-Moon"}, 'EC2-VPC-EBS-Subnet; got "EC2-Moon"'),
        (
            {
                "ResourceHandlingOption": "EC2-VPC-EBS",
                "ResourceArns": ["arn:aws:ec2:eu-central-1:123456789012:instance/*", "*"],
            },
            "lack a resource of EC2: image, security-group, network-interface, volume",
        ),
        ({"ContextEntries": [entry("aws:SourceIp", "ip", "10.0.0.1", "10.0.0.2")]}, "expected ipList"),
        ({"ContextEntries": [entry("aws:SourceIp", "ip", "everywhere")]}, "aws:SourceIp of type ip: 'everywhere'"),
        ({"ContextEntries": [entry("aws:EpochTime", "date", "soon")]}, '"soon" is not a date'),
        ({"ContextEntries": [entry("test:n", "numericList", "1", "one")]}, "is not a number"),
        ({"ContextEntries": [entry("test:yes", "boolean", "yes")]}, "is not a Boolean"),
        ({"ContextEntries": [entry("test:raw", "binary", "%")]}, "is not binary data"),
        ({"ContextEntries": [entry("test:Name", "string", "a"), entry("Test:name", "string", "a")]}, "given twice"),
        ({"ContextEntries": [entry("SourceIp", "ip", "10.0.0.1")]}, 'ContextKeyName.*"SourceIp"'),
        (
            {"ContextEntries": [{"ContextKeyName": "aws:SourceIp", "ContextKeyValues": ["a"]}]},
            "expected a ContextKeyType",
        ),
        ({"ActionNames": [f"a:b{number}" for number in range(1_001)]}, "1 to 1000 names, got 1001"),
        ({"ResourceArns": [f"arn:aws:s3:::b{number}" for number in range(1_001)]}, "at most 1000 ARNs, got 1001"),
        ({"PolicyInputList": [document(allow(Sid="a" * 70_000))] * 2}, "131072 characters together"),
        ({"ContextEntries": [entry("test:y", "stringList", *["a" * 70_000] * 2)]}, "131072 characters in all"),
        (
            {
                "PolicyInputList": [document(*[allow()] * 300)],
                "ResourceArns": [f"arn:aws:s3:::b{number}" for number in range(1_000)],
            },
            "compare 600000 values",
        ),
    ],
)
def test_bad_input_is_named(endpoint: Endpoint, members: dict[str, Any], message: str) -> None:
    """Each is InvalidInput, which the model declares, and says which parameter is wrong and what was expected."""
    asked: dict[str, Any] = {"PolicyInputList": [document(allow())], "ActionNames": ["iam:GetUser"], **members}
    with pytest.raises(InvalidInput, match=message):
        endpoint.call(endpoint.root, "SimulateCustomPolicy", **asked)


@pytest.mark.parametrize(
    ("kind", "values", "condition"),
    [
        ("string", ["x"], {"StringEquals": {"t:key": "x"}}),
        ("stringList", ["x", "y"], {"ForAllValues:StringEquals": {"t:key": ["x", "y"]}}),
        ("numeric", ["10"], {"NumericLessThan": {"t:key": "11"}}),
        ("numericList", ["1", "99"], {"ForAnyValue:NumericGreaterThan": {"t:key": "50"}}),
        ("boolean", ["true"], {"Bool": {"t:key": "true"}}),
        ("booleanList", ["true"], {"Bool": {"t:key": "true"}}),
        ("ip", ["10.1.2.3"], {"IpAddress": {"t:key": "10.0.0.0/8"}}),
        ("ipList", ["10.1.2.3", "::1"], {"ForAnyValue:IpAddress": {"t:key": "::1"}}),
        ("binary", ["AAEC"], {"BinaryEquals": {"t:key": "AAEC"}}),
        ("binaryList", ["AAEC"], {"BinaryEquals": {"t:key": "AAEC"}}),
        ("date", ["2026-01-01T00:00:00Z"], {"DateLessThan": {"t:key": "2027-01-01"}}),
        ("dateList", ["2026-01-01T00:00:00Z"], {"DateLessThan": {"t:key": "2027-01-01"}}),
        ("stringList", [], {"Null": {"t:key": "true"}}),
    ],
)
def test_values_of_every_type(endpoint: Endpoint, kind: str, values: list[str], condition: dict[str, Any]) -> None:
    """The key is found whatever its case; a list without values says that it is absent. Without the entry the condition
    that asks for a value is not met."""
    text = document(allow("x:Do", Condition=condition))
    given = custom(endpoint, text, ActionNames=["x:Do"], ContextEntries=[entry("T:Key", kind, *values)])
    assert given["EvalDecision"] == "allowed"
    assert given["MissingContextValues"] == ([] if values else ["t:key"])
    without = custom(endpoint, text, ActionNames=["x:Do"])
    assert without["MissingContextValues"] == ["t:key"]


BUCKET_POLICY = document(allow("s3:GetObject", f"{BUCKET}/*", Principal={"AWS": ANN}))


@pytest.mark.parametrize(
    ("identity", "members", "decision", "details"),
    [
        (deny("s3:Put*"), {"CallerArn": ANN}, "allowed", {}),
        (allow("s3:*"), {"CallerArn": ANN.replace("ann", "bob")}, "allowed", {}),
        (deny("s3:Put*"), {"CallerArn": ANN.replace("ann", "bob")}, "implicitDeny", {}),
        (
            deny("s3:Put*"),
            {"CallerArn": ANN, "ResourceOwner": "arn:aws:iam::210987654321:root"},
            "implicitDeny",
            {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"},
        ),
        (
            allow("s3:*"),
            {"CallerArn": ANN, "ResourceOwner": "210987654321"},
            "allowed",
            {"IAM Policy": "allowed", "Resource Policy": "allowed"},
        ),
        (
            allow("s3:*"),
            {"CallerArn": STRANGER, "ResourceOwner": ACCOUNT},
            "implicitDeny",
            {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"},
        ),
        (
            deny("s3:*"),
            {"CallerArn": ANN, "ResourceOwner": "210987654321"},
            "explicitDeny",
            {"IAM Policy": "explicitDeny", "Resource Policy": "allowed"},
        ),
    ],
)
def test_the_policy_of_a_resource(
    endpoint: Endpoint, identity: dict[str, object], members: dict[str, Any], decision: str, details: dict[str, str]
) -> None:
    """In its account it is enough that the bucket's policy names the caller; of a stranger's bucket both must allow,
    and the details say what each did."""
    result = custom(
        endpoint,
        document(identity),
        ActionNames=["s3:GetObject"],
        ResourceArns=[f"{BUCKET}/x"],
        ResourcePolicy=BUCKET_POLICY,
        **members,
    )
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == (decision, details)
    (of_resource,) = result["ResourceSpecificResults"]
    assert of_resource["EvalDecisionDetails"] == details


def test_an_allow_of_the_resource_is_shown_as_such(endpoint: Endpoint) -> None:
    """Its statement is one of ResourcePolicy, of type resource."""
    result = custom(
        endpoint,
        document(deny("s3:Put*")),
        ActionNames=["s3:GetObject"],
        ResourceArns=[f"{BUCKET}/x"],
        ResourcePolicy=BUCKET_POLICY,
        CallerArn=ANN,
    )
    (matched,) = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("ResourcePolicy", "resource")


def test_a_resource_of_another_account_is_closed_without_a_policy(endpoint: Endpoint) -> None:
    """A caller of one account and a resource of another: no policy of the resource opens it. Who is no caller at all
    crosses no account."""
    table = "arn:aws:dynamodb:eu-central-1:210987654321:table/t"
    asked: dict[str, Any] = {"ActionNames": ["dynamodb:GetItem"], "ResourceArns": [table]}
    crossing = custom(endpoint, document(allow()), CallerArn=ANN, **asked)
    assert crossing["EvalDecision"] == "implicitDeny"
    assert crossing["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}
    nobody = custom(endpoint, document(allow()), **asked)
    assert (nobody["EvalDecision"], nobody["EvalDecisionDetails"]) == ("allowed", {})


def test_a_trust_policy(endpoint: Endpoint) -> None:
    """Without resources, and for an action that assumes a role, the resource's policy is the role's: it has to allow
    itself, and delegating to the account is left to the caller's policies."""
    asked: dict[str, Any] = {"ActionNames": ["sts:AssumeRole"], "ResourceArns": [arn("role/ops")], "CallerArn": ANN}

    def decision(identity: dict[str, object], *trusted: str) -> object:
        return custom(endpoint, document(identity), ResourcePolicy=document(trusting(*trusted)), **asked)[
            "EvalDecision"
        ]

    assert decision(allow("sts:*"), ACCOUNT) == "allowed"
    assert decision(allow("s3:*"), ACCOUNT) == "implicitDeny"
    assert decision(allow("s3:*"), ANN) == "allowed"
    assert decision(allow("sts:*"), STRANGER) == "implicitDeny"
    with pytest.raises(InvalidInput, match="ResourcePolicy: .*resources"):
        custom(
            endpoint,
            document(allow()),
            ActionNames=["s3:GetObject"],
            CallerArn=ANN,
            ResourcePolicy=document(trusting(ACCOUNT)),
        )


def test_a_boundary(endpoint: Endpoint) -> None:
    """It limits, and says whether it allows; what it allows is no matched statement, what it denies is."""
    bounded = document(allow("s3:*"), deny("s3:PutObject"))

    def result(action: str) -> Any:
        return custom(endpoint, document(allow()), PermissionsBoundaryPolicyInputList=[bounded], ActionNames=[action])

    found = {action: result(action) for action in ("s3:GetObject", "s3:PutObject", "iam:GetUser")}
    assert [each["EvalDecision"] for each in found.values()] == ["allowed", "explicitDeny", "implicitDeny"]
    allowed = [each["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for each in found.values()]
    assert allowed == [True, False, False]
    sources = [[matched["SourcePolicyId"] for matched in each["MatchedStatements"]] for each in found.values()]
    assert sources == [["PolicyInputList.1"], ["PermissionsBoundaryPolicyInputList.1"], []]


def test_levels_of_an_organisation(endpoint: Endpoint) -> None:
    """Each must allow. Neither their statements nor the keys that they lack are shown, and what they end has no details
    of a crossing."""
    unlimited = {"ServiceControlPolicyInputList": [document(allow())]}
    limited = {
        "ServiceControlPolicyInputList": [
            document(allow("s3:*"), deny("s3:Put*", Condition={"Bool": {"aws:SecureTransport": "false"}}))
        ]
    }
    asked: dict[str, Any] = {
        "OrderedOrganizationPolicyInputList": [unlimited, limited],
        "CallerArn": ANN,
        "ResourceOwner": "210987654321",
    }
    denied = custom(
        endpoint,
        document(allow()),
        ActionNames=["s3:PutObject"],
        ContextEntries=[entry("aws:SecureTransport", "boolean", "false")],
        **asked,
    )
    assert (denied["EvalDecision"], denied["MatchedStatements"]) == ("explicitDeny", [])
    assert denied["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert "EvalDecisionDetails" not in denied
    implicit = custom(endpoint, document(allow()), ActionNames=["iam:GetUser"], **asked)
    assert implicit["EvalDecision"] == "implicitDeny"
    assert implicit["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    open_one = custom(endpoint, document(allow()), ActionNames=["s3:PutObject"], **asked)
    assert open_one["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    assert open_one["MissingContextValues"] == []
    assert open_one["EvalDecisionDetails"]["IAM Policy"] == "allowed"


def in_organization(endpoint: Endpoint, *scps: str) -> None:
    policies = tuple(OrganizationPolicy(f"p-{at}", f"limit{at}", text) for at, text in enumerate(scps))
    level = Level("r-ab12", "Root", policies, ())
    endpoint.append(OrganizationPoliciesApplied(membership=Membership("o-a1b2c3d4e5", "210987654321", (level,))))


def test_sources_of_a_principal(endpoint: Endpoint) -> None:
    """A user has its own policies and those of its groups, a group and a role only theirs; each is shown by its name
    and as what it is. Additional documents come on top."""
    endpoint.user("ann", allow("x:Own"))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="dev", Path="/a/")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="dev", UserName="ann")
    endpoint.call(
        endpoint.root, "PutGroupPolicy", GroupName="dev", PolicyName="shared", PolicyDocument=document(allow("x:Group"))
    )
    ours = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="ours", PolicyDocument=document(allow("x:Ours")))[
        "Policy"
    ]["Arn"]
    for policy in (ours, "arn:aws:iam::aws:policy/IAMReadOnlyAccess"):
        endpoint.call(endpoint.root, "AttachGroupPolicy", GroupName="dev", PolicyArn=policy)
    role = endpoint.role("ops", trusting(ACCOUNT), allow("x:Role"))

    def sources(source: str, *actions: str, **members: object) -> list[object]:
        answer = endpoint.call(
            endpoint.root, "SimulatePrincipalPolicy", PolicySourceArn=source, ActionNames=actions, **members
        )
        return [
            (matched["SourcePolicyId"], matched["SourcePolicyType"])
            for result in answer["EvaluationResults"]
            for matched in result["MatchedStatements"]
        ]

    every = ("x:Own", "x:Group", "x:Ours", "iam:GetUser", "x:Role")
    of_group = [("shared", "group"), ("ours", "user-managed"), ("IAMReadOnlyAccess", "aws-managed")]
    assert sources(ANN, *every) == [("may", "user"), *of_group]
    assert sources(arn("group/a/dev"), *every) == of_group
    assert sources(role, *every) == [("may", "role")]
    more = document(allow("x:Role"))
    assert sources(ANN, "x:Role", PolicyInputList=[more]) == [("PolicyInputList.1", "none")]


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        (arn("user/nobody"), NoSuchEntity),
        (arn("user/other/ann"), NoSuchEntity),
        ("arn:aws:iam::210987654321:user/ann", NoSuchEntity),
        (arn("policy/ann"), InvalidInput),
        (arn("role/nobody"), NoSuchEntity),
        (arn("group/nobody"), NoSuchEntity),
    ],
)
@pytest.mark.parametrize("operation", ["SimulatePrincipalPolicy", "GetContextKeysForPrincipalPolicy"])
def test_sources_that_there_are_not(endpoint: Endpoint, operation: str, source: str, refusal: type[Exception]) -> None:
    """Neither another path nor another account has the user; what is no user, group or role can be none."""
    endpoint.user("ann")
    actions = {"ActionNames": ["iam:GetUser"]} if operation == "SimulatePrincipalPolicy" else {}
    with pytest.raises(refusal):
        endpoint.call(endpoint.root, operation, PolicySourceArn=source, **actions)


def test_who_may_simulate(endpoint: Endpoint) -> None:
    """Documents are simulated on `*`, principals on the source's ARN, existing or not."""
    endpoint.user("ann")
    eva = endpoint.user(
        "eva",
        allow("iam:Simulate*", ANN),
        allow("iam:GetContextKeysForPrincipalPolicy", ANN),
        allow("iam:GetContextKeysForCustomPolicy"),
    )
    actions = {"ActionNames": ["iam:GetUser"]}
    endpoint.call(eva, "SimulatePrincipalPolicy", PolicySourceArn=ANN, **actions)
    endpoint.call(eva, "GetContextKeysForPrincipalPolicy", PolicySourceArn=ANN)
    endpoint.call(eva, "GetContextKeysForCustomPolicy", PolicyInputList=[document(allow())])
    for source in (arn("user/eva"), arn("user/nobody")):
        with pytest.raises(AccessDenied):
            endpoint.call(eva, "SimulatePrincipalPolicy", PolicySourceArn=source, **actions)
    with pytest.raises(AccessDenied):
        endpoint.call(eva, "SimulateCustomPolicy", PolicyInputList=[document(allow())], **actions)


def test_what_is_known_of_a_principal(endpoint: Endpoint) -> None:
    """Name, id, ARN, tags, organisation and the time of the call need no entry; an entry overrides them; what a call
    alone would bring is missing. Of a caller who only has the source's policies neither tags nor id are told."""
    endpoint.user("ann")
    user_id = endpoint.account.users.named("ann").id
    endpoint.user("bob")
    for name, team in (("ann", "blue"), ("bob", "red")):
        tagged = endpoint.account.users.named(name).id
        endpoint.append(EntityTagged(entity="user", entity_id=tagged, entity_name=name, tags={"Team": team}))
    in_organization(endpoint, document(allow()))
    known = {
        "aws:username": "ann",
        "aws:userid": user_id,
        "aws:PrincipalArn": ANN,
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalType": "User",
        "aws:PrincipalTag/team": "blue",
        "aws:PrincipalOrgID": "o-a1b2c3d4e5",
        "aws:ResourceAccount": ACCOUNT,
        "aws:ResourceOrgID": "o-a1b2c3d4e5",
        "aws:CurrentTime": "2026-01-31T12:00:00Z",
        "aws:ViaAWSService": "false",
    }
    asked: dict[str, Any] = {
        "ActionNames": ["x:Do"],
        "PolicyInputList": [document(allow("x:Do", Condition={"StringEquals": known}))],
    }
    assert principal(endpoint, ANN, **asked)["EvalDecision"] == "allowed"
    other = entry("AWS:USERNAME", "string", "eva")
    assert principal(endpoint, ANN, ContextEntries=[other], **asked)["EvalDecision"] == "implicitDeny"
    as_bob = principal(endpoint, ANN, CallerArn=arn("user/bob"), **asked)
    assert as_bob["MissingContextValues"] == ["aws:userid", "aws:PrincipalTag/team"]
    asked["PolicyInputList"] = [document(allow("x:Do", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))]
    assert principal(endpoint, ANN, **asked)["MissingContextValues"] == ["aws:SourceIp"]
    role = endpoint.role("ops", trusting(ACCOUNT))
    of_role = {"aws:PrincipalArn": role, "aws:PrincipalType": "AssumedRole"}
    asked["PolicyInputList"] = [document(allow("x:Do", Condition={"StringEquals": of_role}))]
    assert principal(endpoint, role, **asked)["EvalDecision"] == "allowed"


def test_a_real_boundary_gives_way_to_the_one_given(endpoint: Endpoint) -> None:
    """What is attached limits, until another is to be tried or it is left out."""
    narrow = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="narrow", PolicyDocument=document(deny("s3:*")))[
        "Policy"
    ]["Arn"]
    endpoint.user("ann", allow())
    bounds = PermissionsBoundaryPut(
        entity="user",
        entity_id=endpoint.account.users.named("ann").id,
        entity_name="ann",
        policy_id=endpoint.account.managed_policies[narrow].id,
        policy_arn=narrow,
    )
    endpoint.append(bounds)
    asked: dict[str, Any] = {"ActionNames": ["s3:GetObject"]}
    attached = principal(endpoint, ANN, **asked)
    assert attached["EvalDecision"] == "explicitDeny"
    assert [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in attached["MatchedStatements"]] == [
        ("narrow", "user-managed")
    ]
    replaced = principal(endpoint, ANN, PermissionsBoundaryPolicyInputList=[document(allow("s3:*"))], **asked)
    assert replaced["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert replaced["EvalDecision"] == "allowed"
    left_out = principal(endpoint, ANN, PolicyExclusionList=[{"PolicyType": "permission-boundary"}], **asked)
    assert left_out["EvalDecision"] == "allowed"
    assert "PermissionsBoundaryDecisionDetail" not in left_out


@pytest.mark.parametrize(
    ("exclusions", "left"),
    [
        ([], {"x:User", "x:Group", "x:Ours"}),
        ([{"PolicyType": "inline"}], {"x:Ours"}),
        ([{"PolicyType": "user-managed"}], {"x:User", "x:Group"}),
        ([{"PolicyType": "aws-managed"}, {"PolicyType": "rcp"}], {"x:User", "x:Group", "x:Ours"}),
        ([{"PolicyArn": arn("policy/team/o*s")}], {"x:User", "x:Group"}),
        ([{"PolicyArn": arn("policy/ours")}], {"x:User", "x:Group", "x:Ours"}),
        ([{"PolicyType": "scp"}], {"x:User", "x:Group", "x:Ours", "x:Forbidden"}),
        (
            [
                {"InlinePolicyIdentifier": {"PolicyName": "may", "AttachmentType": kind, "AttachmentName": name}}
                for kind, name in (("user", "Ann"), ("group", "nobody"))
            ],
            {"x:Group", "x:Ours"},
        ),
    ],
)
def test_policies_left_out(endpoint: Endpoint, exclusions: list[dict[str, Any]], left: set[str]) -> None:
    """What would remain if they were gone: by type, by ARN, by the name of an inline policy and its holder."""
    endpoint.user("ann", allow("x:User"), allow("x:Forbidden"))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="dev")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="dev", UserName="ann")
    text = document(allow("x:Group"))
    endpoint.call(endpoint.root, "PutGroupPolicy", GroupName="dev", PolicyName="may", PolicyDocument=text)
    ours = endpoint.call(
        endpoint.root, "CreatePolicy", PolicyName="ours", Path="/team/", PolicyDocument=document(allow("x:Ours"))
    )["Policy"]["Arn"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=ours)
    in_organization(endpoint, document(allow()), document(deny("x:Forbidden")))
    answer = endpoint.call(
        endpoint.root,
        "SimulatePrincipalPolicy",
        PolicySourceArn=ANN,
        ActionNames=["x:User", "x:Group", "x:Ours", "x:Forbidden"],
        PolicyExclusionList=exclusions,
    )
    results = answer["EvaluationResults"]
    assert {result["EvalActionName"] for result in results if result["EvalDecision"] == "allowed"} == left


@pytest.mark.parametrize(
    ("exclusion", "message"),
    [
        ({"PolicyArn": arn("user/ann")}, "the ARN of a managed policy"),
        ({"PolicyArn": "arn:aws:iam::*:policy/ours"}, "wildcards in the name alone"),
        ({"PolicyArn": arn("policy/*/*")}, "one \\* at most"),
    ],
)
def test_bad_exclusions(endpoint: Endpoint, exclusion: dict[str, Any], message: str) -> None:
    """A malformed identifier is refused; one that names nothing is not (above)."""
    endpoint.user("ann")
    with pytest.raises(InvalidInput, match=f"PolicyExclusionList.1: .*{message}"):
        principal(endpoint, ANN, ActionNames=["x:Do"], PolicyExclusionList=[exclusion])


@pytest.mark.parametrize("exclusion", [Exclusion(), Exclusion("scp", arn("policy/p"))])
def test_an_exclusion_names_one_thing(endpoint: Endpoint, exclusion: Exclusion) -> None:
    """None or two at once is no identifier; stock clients do not even send it."""
    with pytest.raises(InvalidInput, match="PolicyExclusionList.1: expected exactly one of"):
        excluded(endpoint.account, [exclusion])


def pages(endpoint: Endpoint, size: int, **members: object) -> list[list[str]]:
    found: list[list[str]] = []
    marker: dict[str, object] = {}
    while True:
        answer = endpoint.call(endpoint.root, "SimulateCustomPolicy", MaxItems=size, **marker, **members)
        found.append([result["EvalActionName"] for result in answer["EvaluationResults"]])
        if not answer["IsTruncated"]:
            return found
        marker = {"Marker": answer["Marker"]}


def test_results_in_pages(endpoint: Endpoint) -> None:
    """In the order asked for, a name given twice included; and where the policies are much work, in smaller pages than
    wanted."""
    names = ["x:B", "x:A", "x:B", "x:C", "x:D"]
    for size in (1, 2, 5, 100):
        found = pages(endpoint, size, PolicyInputList=[document(allow())], ActionNames=names)
        assert sum(found, []) == names
        assert {len(page) for page in found[:-1]} <= {size}
    heavy = [document(*[allow(Resource=[f"arn:aws:s3:::b{at}/*" for at in range(20)]) for _ in range(30)])]
    resources = [f"arn:aws:s3:::b/{at}" for at in range(250)]
    found = pages(endpoint, 100, PolicyInputList=heavy, ActionNames=names, ResourceArns=resources)
    assert sum(found, []) == names
    assert len(found) > 1


def test_context_keys(endpoint: Endpoint) -> None:
    """Of conditions and variables, each once and as it is first spelt; of a principal those of its policies, its groups
    and the documents given, but none of its boundary or organisation."""
    first = document(
        allow("x:Do", Condition={"StringEquals": {"aws:SourceVpc": "${aws:PrincipalTag/vpc}"}}),
        allow("x:Do", "arn:aws:s3:::home/${AWS:Username}"),
        deny("x:Do", Condition={"Null": {"AWS:sourcevpc": "true"}}),
    )
    of_first = ["aws:SourceVpc", "aws:PrincipalTag/vpc", "AWS:Username"]
    answer = endpoint.call(endpoint.root, "GetContextKeysForCustomPolicy", PolicyInputList=[first])
    assert answer == {"ContextKeyNames": of_first}
    endpoint.user("ann", allow(Condition={"Bool": {"aws:SecureTransport": "true"}}))
    in_organization(endpoint, document(allow(Condition={"Bool": {"aws:ViaAWSService": "false"}})))
    answer = endpoint.call(
        endpoint.root, "GetContextKeysForPrincipalPolicy", PolicySourceArn=ANN, PolicyInputList=[first]
    )
    assert answer == {"ContextKeyNames": ["aws:SecureTransport", *of_first]}
    with pytest.raises(InvalidInput, match="PolicyInputList.2"):
        endpoint.call(endpoint.root, "GetContextKeysForCustomPolicy", PolicyInputList=[first, "[]"])
