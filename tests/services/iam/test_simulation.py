"""Simulations of documents: decisions, what made them, and their pages."""

import json
from typing import Any

import pytest

from domain.foundation.errors import InvalidInput
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting
from tests.services.simulations import custom, entry

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


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.mark.parametrize(
    ("moment", "decision", "matched"),
    [
        (
            "2019-04-25T11:00:00Z",
            "allowed",
            [
                {
                    "SourcePolicyId": "PolicyInputList.1",
                    "SourcePolicyType": "IAM Policy",
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
    assert all("EvalDecisionDetails" not in each for each in result["ResourceSpecificResults"])


@pytest.mark.parametrize(("asked", "named"), [((f"{BUCKET}/x",), f"{BUCKET}/x"), (("*",), "*"), ((), "*")])
def test_the_result_of_one_resource_names_it(endpoint: Endpoint, asked: tuple[str, ...], named: str) -> None:
    """As IAM does, whatever the decision is; only of all resources there is no result of each."""
    for statement in (allow(), deny()):
        result = custom(endpoint, document(statement), ActionNames=["s3:GetObject"], ResourceArns=asked)
        assert result["EvalResourceName"] == named
        by_resource = [each["EvalResourceName"] for each in result.get("ResourceSpecificResults", ())]
        assert by_resource == ([] if named == "*" else [named])


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
    assert of_resource.get("EvalDecisionDetails", {}) == details


def test_an_allow_of_the_resource_is_shown_as_such(endpoint: Endpoint) -> None:
    """Its statement is one of ResourcePolicy, of that type."""
    result = custom(
        endpoint,
        document(deny("s3:Put*")),
        ActionNames=["s3:GetObject"],
        ResourceArns=[f"{BUCKET}/x"],
        ResourcePolicy=BUCKET_POLICY,
        CallerArn=ANN,
    )
    (matched,) = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("ResourcePolicy", "Resource Policy")


def test_a_resource_of_another_account_without_a_policy(endpoint: Endpoint) -> None:
    """Where its owner is stated, its side has to allow, and without a policy does not. Where nothing but the ARN tells
    of the other account, only the caller's side is judged: nothing is looked up about resources."""
    table = "arn:aws:dynamodb:eu-central-1:210987654321:table/t"
    asked: dict[str, Any] = {"ActionNames": ["dynamodb:GetItem"], "ResourceArns": [table]}
    for members in ({"CallerArn": ANN}, {"CallerArn": ANN, "ResourceOwner": ACCOUNT}, {}):
        result = custom(endpoint, document(allow()), **asked, **members)
        assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("allowed", {})
    stated = custom(endpoint, document(allow()), CallerArn=ANN, ResourceOwner="210987654321", **asked)
    assert stated["EvalDecision"] == "implicitDeny"
    assert stated["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}


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
    with pytest.raises(InvalidInput, match=r"contain resources. .ResourcePolicy: "):
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
    sources = [
        [(matched["SourcePolicyId"], matched["SourcePolicyType"]) for matched in each["MatchedStatements"]]
        for each in found.values()
    ]
    assert sources == [
        [("PolicyInputList.1", "IAM Policy")],
        [("PermissionsBoundaryPolicyInputList.1", "Permissions Boundary Policy")],
        [],
    ]


def test_levels_of_an_organization(endpoint: Endpoint) -> None:
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
        assert [name for page in found for name in page] == names
        assert {len(page) for page in found[:-1]} <= {size}
    heavy = [document(*[allow(Resource=[f"arn:aws:s3:::b{at}/*" for at in range(20)]) for _ in range(30)])]
    resources = [f"arn:aws:s3:::b/{at}" for at in range(100)]
    found = pages(endpoint, 100, PolicyInputList=heavy, ActionNames=names, ResourceArns=resources)
    assert [name for page in found for name in page] == names
    assert len(found) > 1
    many = [f"arn:aws:s3:::b/{at}" for at in range(1_000)]
    found = pages(endpoint, 100, PolicyInputList=[document(allow())], ActionNames=names * 3, ResourceArns=many)
    assert max(map(len, found)) * len(many) <= 10_000
