"""The policies that AWS maintains: listed and read from the catalogue, adopted by an account when it uses one."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from domain.account import Account
from domain.families.aws_managed_policies import adopt_catalogue, published_catalogue
from domain.families.policies import ATTACHMENTS, MANAGED_CATALOGUE, MANAGED_POLICIES, policy_of_version
from domain.foundation.errors import AccessDenied, MalformedPolicyDocument, NoSuchEntity, PolicyNotAttachable
from domain.policy import PolicyType, parse_new
from services.managed_policies.catalogue import publish_catalogues
from services.settings import InvalidSetting
from tests.domain.accounts import after, new_account
from tests.services.endpoint import ACCOUNT, Endpoint, allow, trusting

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SERVICE_LINKED = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy"
WANTED = (
    *("AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "job-function/ViewOnlyAccess"),
    *("IAMFullAccess", "IAMReadOnlyAccess", "IAMUserChangePassword", "IAMUserSSHKeys", "AmazonS3FullAccess"),
    *("AmazonS3ReadOnlyAccess", "AWSSupportAccess", "AWSCloudShellFullAccess", "job-function/Billing"),
    *("job-function/DatabaseAdministrator", "job-function/DataScientist", "job-function/NetworkAdministrator"),
    *("job-function/SupportUser", "job-function/SystemAdministrator", "service-role/AWSLambdaBasicExecutionRole"),
    *("AmazonSSMManagedInstanceCore", "service-role/AmazonECSTaskExecutionRolePolicy", "AmazonEKSClusterPolicy"),
    *("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"),
)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[None]:
    """The directory of an operator with a policy of two versions, published."""
    versions = [_version(number, _document(f"s3:Get{number}")) for number in (1, 3)]
    (tmp_path / "readers.json").write_text(json.dumps(_file("Readers", versions)))
    publish_catalogues(tmp_path)
    yield
    publish_catalogues(None)


def _document(action: str) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::b"}]}


def _version(number: int, document: dict[str, object]) -> dict[str, object]:
    return {"VersionId": f"v{number}", "CreateDate": "2026-01-01T00:00:00Z", "Document": document}


def _file(name: str, versions: list[dict[str, object]], **more: object) -> dict[str, object]:
    described = {"PolicyName": name, "PolicyId": "ANPAOPERATORSOWN", "Path": "/team/", "Description": "What it is for."}
    return described | {"CreateDate": "2026-01-01T00:00:00Z", "Versions": versions} | more


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_those_that_people_attach_are_there(partition: str) -> None:
    """In every partition, with its ARNs, and each document is one that could be saved there."""
    policies = published_catalogue(partition).policies
    assert {f"arn:{partition}:iam::aws:policy/{name}" for name in WANTED} <= policies.keys()
    for policy in policies.values():
        parse_new(policy.default.document, PolicyType.IDENTITY, partition)


def test_an_account_adopts_what_it_uses(endpoint: Endpoint) -> None:
    """Attaching brings the document into the ledger, once; before, a policy is known all the same. It grants what it
    says, and can be detached."""
    assert READ_ONLY not in endpoint.account[MANAGED_POLICIES]
    shown = endpoint.call(endpoint.root, "GetPolicy", PolicyArn=READ_ONLY)["Policy"]
    assert (shown["AttachmentCount"], shown["IsAttachable"], shown["Path"]) == (0, True, "/")
    ann, _ = endpoint.user("ann"), endpoint.user("bob")
    for name in ("ann", "bob"):
        endpoint.call(endpoint.root, "AttachUserPolicy", UserName=name, PolicyArn=READ_ONLY)
    assert READ_ONLY in endpoint.account[MANAGED_POLICIES]
    assert endpoint.call(endpoint.root, "GetPolicy", PolicyArn=READ_ONLY)["Policy"] == shown | {"AttachmentCount": 2}
    endpoint.call(ann, "GetUser", UserName="bob")
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "DeleteUser", UserName="bob")
    endpoint.call(endpoint.root, "DetachUserPolicy", UserName="ann", PolicyArn=READ_ONLY)
    assert endpoint.account[ATTACHMENTS].count_lefts(READ_ONLY) == 1


def test_boundaries_and_sessions_adopt_too(endpoint: Endpoint) -> None:
    """A policy that bounds, or narrows a session, is in the ledger from there on."""
    bound, narrowing = "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    endpoint.call(endpoint.root, "CreateUser", UserName="eva", PermissionsBoundary=bound)
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT), allow())
    session = endpoint.session(ann, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ops", PolicyArns=[{"arn": narrowing}])
    assert {bound, narrowing} <= set(endpoint.account[MANAGED_POLICIES])
    with pytest.raises(AccessDenied):
        endpoint.call(session, "ListUsers")


def test_listings(endpoint: Endpoint) -> None:
    """By scope, path and attachment; pages go through all, each once."""
    endpoint.call(endpoint.root, "CreatePolicy", PolicyName="own", PolicyDocument=json.dumps(_document("s3:Get*")))

    def listed(**filters: object) -> list[str]:
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            page = endpoint.call(endpoint.root, "ListPolicies", MaxItems=7, **filters, **marker)
            found += [policy["Arn"] for policy in page["Policies"]]
            if not page["IsTruncated"]:
                return found
            marker = {"Marker": page["Marker"]}

    catalogue = published_catalogue("aws").policies
    assert sorted(listed(Scope="AWS")) == sorted(catalogue)
    assert listed(Scope="Local") == [f"arn:aws:iam::{ACCOUNT}:policy/own"]
    assert set(listed(PathPrefix="/job-function/")) == {arn for arn in catalogue if ":policy/job-function/" in arn}
    assert listed(Scope="AWS", OnlyAttached=True) == []


def test_they_cannot_be_changed(endpoint: Endpoint) -> None:
    """By nobody, used or not."""
    for operation, given in (
        ("CreatePolicyVersion", {"PolicyDocument": json.dumps(_document("s3:*"))}),
        ("DeletePolicy", {}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        with pytest.raises(AccessDenied, match="managed by AWS"):
            endpoint.call(endpoint.root, operation, PolicyArn=READ_ONLY, **given)
    assert endpoint.call(endpoint.root, "ListPolicyTags", PolicyArn=READ_ONLY)["Tags"] == []


def test_those_of_service_linked_roles_are_for_them_alone(endpoint: Endpoint) -> None:
    """They are shown as not attachable, and nobody gets one: attached, as a boundary, or in a session."""
    assert endpoint.call(endpoint.root, "GetPolicy", PolicyArn=SERVICE_LINKED)["Policy"]["IsAttachable"] is False
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT), allow())
    with pytest.raises(PolicyNotAttachable, match=r"^Cannot attach a Service Role Policy to a Customer Role\.$"):
        endpoint.call(endpoint.root, "AttachRolePolicy", RoleName="ops", PolicyArn=SERVICE_LINKED)
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=SERVICE_LINKED)
    with pytest.raises(MalformedPolicyDocument):
        endpoint.session(ann, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ops", PolicyArns=[{"arn": SERVICE_LINKED}])


@pytest.mark.usefixtures("operators")
def test_an_operators_policies(endpoint: Endpoint) -> None:
    """They stand beside the others with all their versions; the newest is the default, and what is attached."""
    readers = "arn:aws:iam::aws:policy/team/Readers"
    pages = endpoint.call(endpoint.root, "ListPolicyVersions", PolicyArn=readers)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in pages] == [("v3", True), ("v1", False)]
    for version in ("v1", "v3"):
        shown = endpoint.call(endpoint.root, "GetPolicyVersion", PolicyArn=readers, VersionId=version)["PolicyVersion"]
        assert json.loads(unquote(shown["Document"])) == _document(f"s3:Get{version[1:]}")
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "GetPolicyVersion", PolicyArn=readers, VersionId="v2")
    endpoint.user("ann")
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=readers)
    assert endpoint.account[MANAGED_POLICIES][readers].default.id == "v3"


def test_an_older_account_knows_what_it_has_adopted() -> None:
    """Until it adopts the catalogue of today, and then by what differs of what it uses."""
    account = after(new_account())
    catalogue = published_catalogue("aws")
    assert list(adopt_catalogue(account, catalogue)) == []
    older = account.put(MANAGED_CATALOGUE, "older")
    assert [len(event.versions) for event in adopt_catalogue(older, catalogue)] == [0]
    used = older[MANAGED_POLICIES]
    (arn,) = (arn for arn in used if arn.endswith("/IAMFullAccess"))
    outdated = catalogue.newest[arn].model_copy(update={"document": "{}"})
    stale = Account("999999999999", parts={MANAGED_POLICIES: used.set(arn, policy_of_version(outdated))})
    events = list(adopt_catalogue(stale, catalogue))
    assert [[version.policy_arn for version in event.versions] for event in events] == [[arn], []]
    assert after(older, *events)[MANAGED_POLICIES][arn].default.document == catalogue.newest[arn].document


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "readers.json is no managed policy: .*JSON"),
        (_file("Readers", []), "readers.json is no managed policy: Versions: "),
        (_file("Readers", [_version(0, _document("a:b"))]), "VersionId"),
        (_file("Readers", [_version(2, _document("a:b")), _version(1, _document("a:b"))]), "are not in order"),
        (_file("Readers", [_version(1, {})]), "Syntax errors"),
        (_file("Readers", [_version(1, _document("x:" + "y" * 9_000 + '"' * 12_000))]), "at most 32768 characters"),
        (_file("a b", [_version(1, _document("a:b"))]), "PolicyName"),
        (_file("Other", [_version(1, _document("a:b"))], PolicyId="ANPAIWMBCKSKIEE64ZLYK"), "two policies have the id"),
        (_file("ReadOnlyAccess", [_version(1, _document("a:b"))], Path="/"), "ReadOnlyAccess is one of the program's"),
        ("[" + " " * 262_144, "expected at most 262144 bytes"),
    ],
)
def test_files_that_cannot_be_meant(tmp_path: Path, content: object, reason: str) -> None:
    """The program does not start, and says which file is wrong and why."""
    (tmp_path / "readers.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InvalidSetting, match=reason):
        publish_catalogues(tmp_path)
