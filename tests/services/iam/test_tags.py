"""Tags of every kind of entity that can have them, by the same operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, InvalidInput, LimitExceeded, NoSuchEntity
from tests.saml import saml_metadata
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting
from tests.services.iam.certificates import certificate

FIRST = [{"Key": "Team", "Value": "ops"}, {"Key": "stage", "Value": ""}]


@dataclass(frozen=True)
class Kind:
    """How the operations of a kind name what they are about."""

    called: str
    """In names of operations."""
    created: Mapping[str, object]
    named: Mapping[str, str]
    arn: str
    has_caseless_keys: bool = False
    creates: str = "Create"
    tags_in: Callable[[Mapping[str, Any]], Any] | None = field(default=None, repr=False)
    """Of the answer of `read`; by default of its only member."""
    entity: str = ""
    """In Create… and Delete…, where that is another word."""
    read: str = ""
    """Another operation than Get… that reads it."""

    @property
    def create(self) -> str:
        return f"{self.creates}{self.entity or self.called}"

    @property
    def delete(self) -> str:
        return f"Delete{self.entity or self.called}"

    @property
    def get(self) -> str:
        return self.read or f"Get{self.called}"

    def tags(self, answer: Mapping[str, Any]) -> Any:
        if self.tags_in is not None:
            return self.tags_in(answer)
        return answer[self.called].get("Tags", [])


KINDS = (
    Kind("User", {"UserName": "ann"}, {"UserName": "ann"}, arn("user/ann"), has_caseless_keys=True),
    Kind(
        "Role",
        {"RoleName": "ops", "AssumeRolePolicyDocument": document(trusting(ACCOUNT))},
        {"RoleName": "ops"},
        arn("role/ops"),
        has_caseless_keys=True,
    ),
    Kind(
        "InstanceProfile",
        {"InstanceProfileName": "web", "Path": "/app/"},
        {"InstanceProfileName": "web"},
        arn("instance-profile/app/web"),
    ),
    Kind(
        "ServerCertificate",
        {
            "ServerCertificateName": "site",
            "Path": "/a/",
            "CertificateBody": certificate("site").body,
            "PrivateKey": certificate("site").key,
        },
        {"ServerCertificateName": "site"},
        arn("server-certificate/a/site"),
        creates="Upload",
    ),
    Kind(
        "Policy",
        {"PolicyName": "p", "PolicyDocument": document(allow("s3:*"))},
        {"PolicyArn": arn("policy/p")},
        arn("policy/p"),
    ),
    Kind(
        "OpenIDConnectProvider",
        {"Url": "https://token.example.com/a"},
        {"OpenIDConnectProviderArn": arn("oidc-provider/token.example.com/a")},
        arn("oidc-provider/token.example.com/a"),
        tags_in=lambda answer: answer.get("Tags", []),
    ),
    Kind(
        "SAMLProvider",
        {"Name": "Okta", "SAMLMetadataDocument": saml_metadata()},
        {"SAMLProviderArn": arn("saml-provider/Okta")},
        arn("saml-provider/Okta"),
        tags_in=lambda answer: answer.get("Tags", []),
    ),
    Kind(
        "MFADevice",
        {"VirtualMFADeviceName": "phone", "Path": "/a/"},
        {"SerialNumber": arn("mfa/a/phone")},
        arn("mfa/a/phone"),
        tags_in=lambda answer: answer["Tags"],
        entity="VirtualMFADevice",
        read="ListMFADeviceTags",
    ),
)
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.called)


def listed(endpoint: Endpoint, kind: Kind) -> list[dict[str, str]]:
    """A page of one each."""
    found: list[dict[str, str]] = []
    answer: dict[str, Any] = {"IsTruncated": True}
    while answer["IsTruncated"]:
        marker = {"Marker": answer["Marker"]} if "Marker" in answer else {}
        answer = endpoint.call(endpoint.root, f"List{kind.called}Tags", **kind.named, MaxItems=1, **marker)
        found += answer["Tags"]
    return found


@EACH
def test_from_creation_to_deletion(kind: Kind) -> None:
    """What was created with tags shows them, gets others and loses some; with its name they do not come back."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, kind.create, **kind.created, Tags=FIRST)
    assert listed(endpoint, kind) == kind.tags(endpoint.call(endpoint.root, kind.get, **kind.named)) == FIRST
    endpoint.call(endpoint.root, f"Tag{kind.called}", **kind.named, Tags=[{"Key": "Team", "Value": "dev"}])
    endpoint.call(endpoint.root, f"Untag{kind.called}", **kind.named, TagKeys=["stage", "unknown"])
    assert listed(endpoint, kind) == [{"Key": "Team", "Value": "dev"}]
    endpoint.call(endpoint.root, kind.delete, **kind.named)
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, f"List{kind.called}Tags", **kind.named)
    endpoint.call(endpoint.root, kind.create, **kind.created)
    assert listed(endpoint, kind) == []


@EACH
def test_keys_in_another_case(kind: Kind) -> None:
    """Of users and roles they are the same key, of all else another one."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, kind.create, **kind.created, Tags=FIRST)
    endpoint.call(endpoint.root, f"Tag{kind.called}", **kind.named, Tags=[{"Key": "TEAM", "Value": "x"}])
    keys = ["TEAM", "stage"] if kind.has_caseless_keys else ["TEAM", "Team", "stage"]
    assert [tag["Key"] for tag in listed(endpoint, kind)] == keys
    twice = [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]
    if kind.has_caseless_keys:
        with pytest.raises(InvalidInput, match="more than once"):
            endpoint.call(endpoint.root, f"Tag{kind.called}", **kind.named, Tags=twice)
    else:
        endpoint.call(endpoint.root, f"Tag{kind.called}", **kind.named, Tags=twice)


@EACH
def test_no_more_than_fifty(kind: Kind) -> None:
    endpoint = Endpoint()
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    endpoint.call(endpoint.root, kind.create, **kind.created, Tags=many)
    with pytest.raises(LimitExceeded, match=r"Cannot exceed quota for TagsPer\w+: 50"):
        endpoint.call(endpoint.root, f"Tag{kind.called}", **kind.named, Tags=[{"Key": "one", "Value": ""}])


@EACH
def test_policies_ask_for_them(kind: Kind) -> None:
    """For those that it has, and for those that a request brings; who creates with tags has to be allowed to tag."""
    endpoint = Endpoint()
    ops = {"StringEquals": {"aws:ResourceTag/TEAM": "ops"}}
    asked = {"StringEquals": {"aws:RequestTag/team": "ops"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}
    ann = endpoint.user(
        "reader",
        allow(f"iam:{kind.get}", kind.arn, Condition=ops),
        allow(f"iam:{kind.create}", kind.arn),
        allow(f"iam:Tag{kind.called}", kind.arn, Condition=asked),
    )
    for tags in (FIRST, [{"Key": "Team", "Value": "dev"}]):
        with pytest.raises(AccessDenied, match=f"iam:Tag{kind.called}"):
            endpoint.call(ann, kind.create, **kind.created, Tags=tags)
    endpoint.call(ann, kind.create, **kind.created, Tags=FIRST[:1])
    endpoint.call(ann, kind.get, **kind.named)
    endpoint.call(endpoint.root, f"Untag{kind.called}", **kind.named, TagKeys=["Team"])
    with pytest.raises(AccessDenied):
        endpoint.call(ann, kind.get, **kind.named)


def test_those_of_aws_cannot_be_tagged() -> None:
    endpoint = Endpoint()
    named = {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    assert endpoint.call(endpoint.root, "ListPolicyTags", **named)["Tags"] == []
    for operation, members in (("TagPolicy", {"Tags": FIRST}), ("UntagPolicy", {"TagKeys": ["a"]})):
        with pytest.raises(AccessDenied):
            endpoint.call(endpoint.root, operation, **named, **members)
