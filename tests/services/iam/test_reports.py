"""Reports about an account, as a stock client reads them."""

import re
from typing import Any

import pytest

from domain.families.organization import (
    FULL_AWS_ACCESS,
    ControlPolicy,
    Level,
    Organization,
    OrganizationMembership,
    OrganizationNode,
    OrganizationPoliciesApplied,
    OrganizationPolicy,
)
from domain.families.policies import MANAGED_POLICIES
from domain.families.reports import JOB_KEPT, SERVICE_ACCESS_JOBS
from domain.foundation.errors import AccessDenied, InvalidInput, NoSuchEntity, Refusal, Throttling, ValidationError
from domain.foundation.events import Cause
from domain.installation import OrganizationSet
from domain.rules.reports import ReportGenerationLimitExceeded
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

OTHER = "210987654321"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def job_of(endpoint: Endpoint, named: str, by: VerifiedCredential | None = None, **members: object) -> str:
    return str(endpoint.call(by or endpoint.root, "GenerateServiceLastAccessedDetails", Arn=named, **members)["JobId"])


def details(endpoint: Endpoint, job_id: str, **members: object) -> dict[str, Any]:
    answer = endpoint.call(endpoint.root, "GetServiceLastAccessedDetails", JobId=job_id, **members)
    return {service["ServiceNamespace"]: service for service in answer["ServicesLastAccessed"]}


def last_times(endpoint: Endpoint, job_id: str, namespace: str) -> list[tuple[str, object]]:
    answer = endpoint.call(
        endpoint.root, "GetServiceLastAccessedDetailsWithEntities", JobId=job_id, ServiceNamespace=namespace
    )
    return [(each["EntityInfo"]["Arn"], each.get("LastAuthenticated")) for each in answer["EntityDetailsList"]]


def test_service_last_accessed_details(endpoint: Endpoint) -> None:
    """Of user, group, role and policy: the services that the policies allow, what was last used of them and by whom,
    refusals too; not what only somebody else's policies allow. The same job tells the same later."""
    ann = endpoint.user("ann", allow("iam:List*"), allow("s3:GetObject"), deny("sts:*"), allow("sts:*"))
    endpoint.user("idle")
    trust = trusting(arn("user/ann"))
    role_arn = endpoint.role("ops", trust, allow("iam:GetUser"))
    policy = endpoint.call(
        endpoint.root,
        "CreatePolicy",
        PolicyName="iam",
        PolicyDocument=document(allow("iam:GetUser"), allow("iam:List*")),
    )["Policy"]["Arn"]
    endpoint.call(endpoint.root, "CreateGroup", GroupName="team", Path="/g/")
    endpoint.call(endpoint.root, "AttachGroupPolicy", GroupName="team", PolicyArn=policy)
    endpoint.call(endpoint.root, "AttachRolePolicy", RoleName="ops", PolicyArn=policy)
    for name in ("ann", "idle"):
        endpoint.call(endpoint.root, "AddUserToGroup", GroupName="team", UserName=name)
    endpoint.later(minutes=1)
    endpoint.call(ann, "ListUsers")
    first = endpoint.at
    endpoint.later(minutes=1)
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "CreateGroup", GroupName="no")
    refused = endpoint.at
    jobs = {
        "user": job_of(endpoint, arn("user/ann"), Granularity="ACTION_LEVEL"),
        "group": job_of(endpoint, arn("group/g/team")),
        "role": job_of(endpoint, role_arn),
        "policy": job_of(endpoint, policy),
    }
    endpoint.later(hours=1)
    endpoint.call(ann, "ListUsers")
    endpoint.call(endpoint.root, "DetachGroupPolicy", GroupName="team", PolicyArn=policy)
    told = details(endpoint, jobs["user"])
    assert list(told) == ["iam", "s3"]
    actions = {each.pop("ActionName"): each for each in told["iam"].pop("TrackedActionsLastAccessed")}
    assert actions.keys() >= {"ListUsers", "ListRoles", "GetUser"}
    assert "CreateGroup" not in actions
    assert actions["ListUsers"] == {
        "LastAccessedEntity": arn("user/ann"),
        "LastAccessedTime": first,
        "LastAccessedRegion": "us-east-1",
    }
    assert actions["ListRoles"] == {}
    used = {
        "ServiceName": "AWS Identity and Access Management (IAM)",
        "ServiceNamespace": "iam",
        "LastAuthenticated": refused,
        "LastAuthenticatedEntity": arn("user/ann"),
        "LastAuthenticatedRegion": "us-east-1",
        "TotalAuthenticatedEntities": 1,
    }
    assert told["iam"] == used
    assert told["s3"] == {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "TotalAuthenticatedEntities": 0}
    assert details(endpoint, jobs["group"]) == {"iam": used}
    assert details(endpoint, jobs["policy"]) == {"iam": used}
    never = {name: value for name, value in used.items() if not name.startswith("Last")}
    assert details(endpoint, jobs["role"]) == {"iam": never | {"TotalAuthenticatedEntities": 0}}
    assert last_times(endpoint, jobs["group"], "iam") == [(arn("user/ann"), refused), (arn("user/idle"), None)]
    assert last_times(endpoint, jobs["policy"], "iam")[1:] == [(role_arn, None), (arn("user/idle"), None)]
    assert last_times(endpoint, jobs["policy"], "ec2") == []
    with pytest.raises(InvalidInput, match="nosuch"):
        last_times(endpoint, jobs["policy"], "nosuch")
    answer = endpoint.call(endpoint.root, "GetServiceLastAccessedDetails", JobId=jobs["user"], MaxItems=1)
    assert (answer["JobStatus"], answer["JobType"], answer["IsTruncated"]) == ("COMPLETED", "ACTION_LEVEL", True)
    assert answer["JobCreationDate"] == answer["JobCompletionDate"] == refused
    second = details(endpoint, jobs["user"], MaxItems=1, Marker=answer["Marker"])
    assert list(second) == ["s3"]


def test_last_accessed_details_of_a_policy_that_nobody_has(endpoint: Endpoint) -> None:
    """Any managed policy can be asked about: what it grants, and that nobody has used it through this policy. What it
    said is in the ledger, so that the report stays the same whatever AWS's policies say later."""
    unused = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    assert unused not in endpoint.account[MANAGED_POLICIES]
    job = endpoint.call(endpoint.root, "GenerateServiceLastAccessedDetails", Arn=unused)
    assert unused in endpoint.account[MANAGED_POLICIES]
    details = endpoint.call(endpoint.root, "GetServiceLastAccessedDetails", **job)
    services = {
        each["ServiceNamespace"]: each["TotalAuthenticatedEntities"] for each in details["ServicesLastAccessed"]
    }
    assert services == {"s3": 0, "s3-object-lambda": 0}
    with pytest.raises(NoSuchEntity, match=f"Policy {unused}ible was not found"):
        endpoint.call(endpoint.root, "GenerateServiceLastAccessedDetails", Arn=f"{unused}ible")


def test_a_job_is_for_whoever_asked(endpoint: Endpoint) -> None:
    """The same user, or the same role in whatever session, finds it by its id, for a day; nobody else does. An ARN of
    nothing makes none."""
    ann, bob = endpoint.user("ann", allow()), endpoint.user("bob", allow())
    ops = endpoint.role("ops", trusting(ACCOUNT), allow())
    night, day = (endpoint.session(ann, RoleArn=ops, RoleSessionName=name) for name in ("night", "day"))
    of_ann, of_role = job_of(endpoint, arn("user/bob"), ann), job_of(endpoint, arn("user/bob"), night)
    assert endpoint.call(ann, "GetServiceLastAccessedDetails", JobId=of_ann)["JobStatus"] == "COMPLETED"
    assert endpoint.call(day, "GetServiceLastAccessedDetails", JobId=of_role)["JobStatus"] == "COMPLETED"
    for other, job_id in ((bob, of_ann), (day, of_ann), (ann, of_role)):
        with pytest.raises(NoSuchEntity, match=job_id):
            endpoint.call(other, "GetServiceLastAccessedDetails", JobId=job_id)
    endpoint.at += JOB_KEPT
    with pytest.raises(NoSuchEntity, match=of_ann):
        endpoint.call(ann, "GetServiceLastAccessedDetails", JobId=of_ann)
    for wrong, error in (
        (arn("user/x/bob"), NoSuchEntity),
        (arn("policy/no"), NoSuchEntity),
        (arn("root"), InvalidInput),
    ):
        with pytest.raises(error):
            job_of(endpoint, wrong)
    job_of(endpoint, arn("user/bob"))
    assert len(endpoint.account[SERVICE_ACCESS_JOBS].by_id) == 1


def test_jobs_have_a_bound(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are kept can be asked for; when the oldest is over there is room again."""
    monkeypatch.setattr("domain.rules.reports.JOBS_KEPT_MAX", 2)
    endpoint.user("ann")
    for _ in range(2):
        job_of(endpoint, arn("user/ann"))
    with pytest.raises(Throttling, match="Rate exceeded"):
        job_of(endpoint, arn("user/ann"))
    endpoint.at += JOB_KEPT
    job_of(endpoint, arn("user/ann"))


def test_policies_granting_service_access(endpoint: Endpoint) -> None:
    """Inline and managed ones, of a user those of its groups too, by service; neither boundaries nor policies that
    only deny, and of a group nothing of its members."""
    endpoint.user("ann", allow("iam:GetUser"), allow("sts:*"))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="team")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="team", UserName="ann")
    for name, statement in (("all", allow()), ("none", deny()), ("s3", allow("s3:Get*"))):
        endpoint.call(
            endpoint.root, "PutGroupPolicy", GroupName="team", PolicyName=name, PolicyDocument=document(statement)
        )
    endpoint.call(endpoint.root, "DeleteGroupPolicy", GroupName="team", PolicyName="all")
    policy = endpoint.call(
        endpoint.root, "CreatePolicy", PolicyName="managed", PolicyDocument=document(allow("iam:List*"))
    )["Policy"]["Arn"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=policy)
    endpoint.call(endpoint.root, "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=policy)

    def granting(named: str, *services: str) -> dict[str, list[dict[str, str]]]:
        answer = endpoint.call(
            endpoint.root, "ListPoliciesGrantingServiceAccess", Arn=named, ServiceNamespaces=list(services)
        )
        assert not answer["IsTruncated"]
        return {each["ServiceNamespace"]: each["Policies"] for each in answer["PoliciesGrantingServiceAccess"]}

    may = {"PolicyName": "may", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "ann"}
    of_group = {"PolicyName": "s3", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "team"}
    managed = {"PolicyName": "managed", "PolicyType": "MANAGED", "PolicyArn": policy}
    assert granting(arn("user/ann"), "s3", "iam", "ec2") == {"ec2": [], "iam": [may, managed], "s3": [of_group]}
    assert granting(arn("group/team"), "iam", "s3") == {"iam": [], "s3": [of_group]}
    with pytest.raises(InvalidInput, match="nosuch"):
        granting(arn("user/ann"), "nosuch")
    for wrong, error in ((arn("user/no"), NoSuchEntity), (policy, InvalidInput)):
        with pytest.raises(error):
            granting(wrong, "iam")


ROOT, UNIT = "r-ab12", "ou-ab12-11111111"
ORGANIZATION_ID = "o-a1b2c3d4e5"
ONLY = OrganizationPolicy("p-onlyiamsts", "Only", document(allow("iam:*"), allow("s3:*"), deny("s3:*")))


def organized(endpoint: Endpoint) -> Endpoint:
    """The account manages an organization, with another one in a unit below a policy that allows IAM alone."""
    other = Endpoint(OTHER, beside=endpoint)
    full = FULL_AWS_ACCESS.policy.id
    nodes = (
        OrganizationNode("root", ROOT, "root", (full,), ()),
        OrganizationNode("account", ACCOUNT, "management", (full,), (), ROOT),
        OrganizationNode("unit", UNIT, "unit", (ONLY.id,), (), ROOT),
        OrganizationNode("account", OTHER, "other", (full,), (), UNIT),
    )
    policies = (FULL_AWS_ACCESS, ControlPolicy("SERVICE_CONTROL_POLICY", ONLY))
    cause = Cause(origin="operator", request_id="0", shared_id="0", service="", operation="")
    organization = Organization(ORGANIZATION_ID, ACCOUNT, nodes, policies)
    endpoint.claims.append([OrganizationSet(organization=organization)], cause, endpoint.at)
    for each, levels in ((endpoint, ()), (other, (Level(UNIT, "unit", (ONLY,), ()),))):
        membership = OrganizationMembership(ORGANIZATION_ID, ACCOUNT, levels)
        each.append(OrganizationPoliciesApplied(membership=membership))
    return other


def test_the_organizations_access_report(endpoint: Endpoint) -> None:
    """What control policies let a place use, and in which account below it was last used, in each order and in pages;
    of the management account everything, and for it alone."""
    other = organized(endpoint)
    other.at = endpoint.at
    other.call(other.root, "ListUsers")
    used_at = other.at

    def generated(*path: str, policy_id: str | None = None) -> str:
        members = {} if policy_id is None else {"OrganizationsPolicyId": policy_id}
        place = "/".join((ORGANIZATION_ID, *path))
        answer = endpoint.call(endpoint.root, "GenerateOrganizationsAccessReport", EntityPath=place, **members)
        return str(answer["JobId"])

    def report(job_id: str, **members: object) -> dict[str, Any]:
        return endpoint.call(endpoint.root, "GetOrganizationsAccessReport", JobId=job_id, **members)

    told = report(generated(ROOT, UNIT, OTHER))
    assert (told["JobStatus"], told["NumberOfServicesAccessible"], told["NumberOfServicesNotAccessed"]) == (
        "COMPLETED",
        1,
        0,
    )
    iam = {
        "ServiceName": "AWS Identity and Access Management (IAM)",
        "ServiceNamespace": "iam",
        "Region": "us-east-1",
        "EntityPath": f"{ORGANIZATION_ID}/{ROOT}/{UNIT}/{OTHER}",
        "LastAuthenticatedTime": used_at,
        "TotalAuthenticatedEntities": 1,
    }
    assert told["AccessDetails"] == [iam]
    assert report(generated(ROOT, UNIT, ""))["AccessDetails"] == [iam]
    whole = generated(ROOT)
    everything = report(whole)["NumberOfServicesAccessible"]
    assert everything == report(generated(ROOT, ACCOUNT))["NumberOfServicesAccessible"] > 400
    by_time = report(whole, SortKey="LAST_AUTHENTICATED_TIME_DESCENDING", MaxItems=1)
    assert (by_time["AccessDetails"], by_time["IsTruncated"]) == ([iam], True)
    last = report(whole, SortKey="LAST_AUTHENTICATED_TIME_ASCENDING", MaxItems=1000)["AccessDetails"]
    assert last[-1] == iam
    names = [each["ServiceNamespace"] for each in report(whole, MaxItems=1000)["AccessDetails"]]
    down = report(whole, SortKey="SERVICE_NAMESPACE_DESCENDING", MaxItems=2)
    after = report(whole, SortKey="SERVICE_NAMESPACE_DESCENDING", MaxItems=1, Marker=down["Marker"])
    assert names == sorted(names)
    assert [each["ServiceNamespace"] for each in (*down["AccessDetails"], *after["AccessDetails"])] == names[:-4:-1]
    assert report(generated(ROOT, policy_id=ONLY.id))["AccessDetails"] == [iam]
    of_management = report(generated(ROOT, ACCOUNT, policy_id="p-whatever1"))
    assert of_management["NumberOfServicesAccessible"] == everything
    with pytest.raises(ValidationError):
        report(whole, SortKey="SERVICE_NAMESPACE_ASCENDING", Marker=down["Marker"])


def test_who_may_ask_for_an_organizations_access_report(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The management account alone, for places and policies that there are; a caller may be allowed one place, or one
    policy, by ARN and condition key."""
    whole = f"{ORGANIZATION_ID}/{ROOT}"
    with pytest.raises(AccessDenied, match="not the management account"):
        endpoint.call(endpoint.root, "GenerateOrganizationsAccessReport", EntityPath=whole)
    other = organized(endpoint)
    with pytest.raises(AccessDenied, match="not the management account"):
        other.call(other.root, "GenerateOrganizationsAccessReport", EntityPath=whole)
    refused: list[tuple[type[Refusal], dict[str, str]]] = [
        (ValidationError, {"EntityPath": f"{whole}/{OTHER}"}),
        (ValidationError, {"EntityPath": whole, "OrganizationsPolicyId": "p-nosuchpolicy"}),
    ]
    for error, members in refused:
        with pytest.raises(error, match=re.escape(list(members.values())[-1])):
            endpoint.call(endpoint.root, "GenerateOrganizationsAccessReport", **members)
    condition = {"StringEquals": {"iam:OrganizationsPolicyId": ONLY.id}}
    ann = endpoint.user(
        "ann", allow("iam:GenerateOrganizationsAccessReport", arn(f"access-report/{whole}"), Condition=condition)
    )
    endpoint.call(ann, "GenerateOrganizationsAccessReport", EntityPath=whole, OrganizationsPolicyId=ONLY.id)
    for denied in ({"EntityPath": whole}, {"EntityPath": f"{whole}/{UNIT}", "OrganizationsPolicyId": ONLY.id}):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "GenerateOrganizationsAccessReport", **denied)
    monkeypatch.setattr("domain.rules.reports.JOBS_KEPT_MAX", 1)
    with pytest.raises(ReportGenerationLimitExceeded, match="Maximum number of concurrent jobs exceeded"):
        endpoint.call(endpoint.root, "GenerateOrganizationsAccessReport", EntityPath=whole)
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "GetOrganizationsAccessReport", JobId="0" * 36)
