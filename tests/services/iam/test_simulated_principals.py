"""Simulations of the policies that an account holds."""

from typing import Any

import pytest

from domain.families.boundaries import PermissionsBoundaryPut
from domain.families.organization import Level, OrganizationMembership, OrganizationPoliciesApplied, OrganizationPolicy
from domain.families.policies import MANAGED_POLICIES
from domain.families.tags import EntityTagged
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, InvalidInput, NoSuchEntity
from domain.rules.simulation_exclusions import Exclusion, excluded
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting
from tests.services.simulations import entry, principal

ANN = arn("user/ann")
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


def test_the_example_of_a_principal(endpoint: Endpoint) -> None:
    """That of `simulate-principal-policy`: the policy goes by its name, and its statement from the line on which the
    list opens to the line that ends it."""
    endpoint.user("ann")
    name = "Grant-Access-To-CodeCommit-ListRepo"
    granting = endpoint.call(endpoint.root, "CreatePolicy", PolicyName=name, PolicyDocument=LISTING)["Policy"]["Arn"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=granting)
    assert principal(endpoint, ANN, ActionNames=["codecommit:ListRepositories"])["MatchedStatements"] == [
        {
            "SourcePolicyId": name,
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 3, "Column": 19},
            "EndPosition": {"Line": 9, "Column": 10},
        }
    ]


def in_organization(endpoint: Endpoint, *scps: str) -> None:
    policies = tuple(OrganizationPolicy(f"p-{at}", f"limit{at}", text) for at, text in enumerate(scps))
    level = Level("r-ab12", "Root", policies, ())
    endpoint.append(
        OrganizationPoliciesApplied(membership=OrganizationMembership("o-a1b2c3d4e5", "210987654321", (level,)))
    )


def test_sources_of_a_principal(endpoint: Endpoint) -> None:
    """A user has its own policies and those of its groups, a group and a role only theirs; a managed one
    is shown by its name, an inline one with its holder before it. Additional documents come on top."""
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

    def sources(source: str, *actions: str, **members: object) -> list[str]:
        answer = endpoint.call(
            endpoint.root, "SimulatePrincipalPolicy", PolicySourceArn=source, ActionNames=actions, **members
        )
        matched = [each for result in answer["EvaluationResults"] for each in result["MatchedStatements"]]
        assert {each["SourcePolicyType"] for each in matched} <= {"IAM Policy"}
        return [each["SourcePolicyId"] for each in matched]

    every = ("x:Own", "x:Group", "x:Ours", "iam:GetUser", "x:Role")
    of_group = ["group_dev_shared", "ours", "IAMReadOnlyAccess"]
    assert sources(ANN, *every) == ["user_ann_may", *of_group]
    assert sources(arn("group/a/dev"), *every) == of_group
    assert sources(role, *every) == ["role_ops_may"]
    more = document(allow("x:Role"))
    assert sources(ANN, "x:Role", PolicyInputList=[more]) == ["PolicyInputList.1"]


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
    """Name, id, ARN, tags, organization and the time of the call need no entry; an entry overrides them; what a call
    alone would bring is missing. Of a caller who only has the source's policies neither tags nor id are told."""
    endpoint.user("ann")
    user_id = endpoint.account[USERS].named("ann").id
    endpoint.user("bob")
    for name, team in (("ann", "blue"), ("bob", "red")):
        tagged = endpoint.account[USERS].named(name).id
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
        entity_id=endpoint.account[USERS].named("ann").id,
        entity_name="ann",
        policy_id=endpoint.account[MANAGED_POLICIES][narrow].id,
        policy_arn=narrow,
    )
    endpoint.append(bounds)
    asked: dict[str, Any] = {"ActionNames": ["s3:GetObject"]}
    attached = principal(endpoint, ANN, **asked)
    assert attached["EvalDecision"] == "explicitDeny"
    assert [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in attached["MatchedStatements"]] == [
        ("narrow", "Permissions Boundary Policy")
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
    with pytest.raises(InvalidInput, match=r"PolicyExclusionList\.1: expected exactly one of"):
        excluded(endpoint.account, [exclusion])


def test_context_keys(endpoint: Endpoint) -> None:
    """Of conditions and variables, each once and as it is first spelt; of a principal those of its policies, its groups
    and the documents given, but none of its boundary or organization."""
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
    with pytest.raises(InvalidInput, match=r"PolicyInputList\.2: "):
        endpoint.call(endpoint.root, "GetContextKeysForCustomPolicy", PolicyInputList=[first, "[]"])
