"""An account's life, in which everything that is asked about comes, changes and goes."""

from base64 import b32decode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from domain.foundation.secret import SecretKind
from services.secrets.totp import code_at
from tests.services.contacts import ALTERNATE_CONTACT, CONTACT_INFORMATION
from tests.services.endpoint import ACCOUNT, Endpoint, Members, allow, arn, deny, document, trusting
from tests.services.iam.scene import certificate_pem, private_key_pem, saml_metadata, ssh_public_key

POLICY = arn("policy/p")
PHONE = arn("mfa/phone")
ANALYZER = f"arn:aws:access-analyzer:eu-central-1:{ACCOUNT}:analyzer/outside"
DENYING = document(deny("iam:CreateUser", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}))
NARROWER = document(allow("iam:Get*"))
TAGS = [{"Key": "k", "Value": "v"}]
KNOWN: dict[str, Any] = {
    "ActionNames": ["iam:CreateUser", "iam:ListUsers"],
    "AlternateContactType": "SECURITY",
    "Arn": arn("user/ann"),
    "ConfigRuleName": "iam-user-no-policies-check",
    "EncodedMessage": "none of this account's",
    "Encoding": "SSH",
    "GroupName": "team",
    "InstanceProfileName": "web",
    "OpenIDConnectProviderArn": arn("oidc-provider/oidc.example.org"),
    "PolicyArn": POLICY,
    "PolicyDocument": document(allow()),
    "PolicyInputList": [document(allow("iam:List*"))],
    "PolicyName": "p",
    "PolicySourceArn": arn("user/ann"),
    "RegionName": "eu-central-1",
    "ResourceType": "AWS::IAM::User",
    "RoleName": "ops",
    "SAMLProviderArn": arn("saml-provider/idp"),
    "SerialNumber": PHONE,
    "ServerCertificateName": "site",
    "ServiceNamespace": "iam",
    "ServiceNamespaces": ["iam"],
    "UserName": "ann",
    "analyzerArn": ANALYZER,
    "analyzerName": "outside",
    "id": "",
    "resourceArn": ANALYZER,
    "ruleName": "known",
    "VersionId": "v1",
    "policyDocument": document(allow()),
    "policyType": "IDENTITY_POLICY",
}
"""Of whatever an operation takes: the things that the story is about, as far as they are known beforehand."""


class Step(NamedTuple):
    operation: str
    members: Mapping[str, Any] = {}
    remember: Mapping[str, Callable[[Members], Any]] = {}
    """What is known from its answer alone, by parameter."""
    codes: bool = False
    """Whether it takes two codes of the device."""


STORY = (
    Step("ListUsers"),
    Step("CreateUser", {"UserName": "ann"}, {"ResourceId": lambda answer: answer["User"]["UserId"]}),
    Step("CreateAccessKey", {"UserName": "ann"}),
    Step("CreateGroup", {"GroupName": "team"}),
    Step("AddUserToGroup", {"GroupName": "team", "UserName": "ann"}),
    Step("CreateRole", {"RoleName": "ops", "AssumeRolePolicyDocument": document(trusting(ACCOUNT))}),
    Step("CreatePolicy", {"PolicyName": "p", "PolicyDocument": document(allow("iam:*"))}),
    Step("AttachUserPolicy", {"UserName": "ann", "PolicyArn": POLICY}),
    Step("PutUserPolicy", {"UserName": "ann", "PolicyName": "p", "PolicyDocument": DENYING}),
    Step("PutRolePolicy", {"RoleName": "ops", "PolicyName": "p", "PolicyDocument": document(allow())}),
    Step("PutGroupPolicy", {"GroupName": "team", "PolicyName": "p", "PolicyDocument": document(allow())}),
    Step("TagUser", {"UserName": "ann", "Tags": TAGS}),
    Step("TagRole", {"RoleName": "ops", "Tags": TAGS}),
    Step("TagPolicy", {"PolicyArn": POLICY, "Tags": TAGS}),
    Step("CreateLoginProfile", {"UserName": "ann", "Password": "Correct-Horse-1"}),
    Step("UpdateAccountPasswordPolicy", {"MaxPasswordAge": 30}),
    Step("CreateAccountAlias", {"AccountAlias": "house"}),
    Step("PutAccountProperties", {"Properties": {"Space/name": "value"}}),
    Step("CreateInstanceProfile", {"InstanceProfileName": "web", "Tags": TAGS}),
    Step("AddRoleToInstanceProfile", {"InstanceProfileName": "web", "RoleName": "ops"}),
    Step("CreateVirtualMFADevice", {"VirtualMFADeviceName": "phone", "Tags": TAGS}),
    Step("EnableMFADevice", {"UserName": "ann", "SerialNumber": PHONE}, codes=True),
    Step(
        "UploadSSHPublicKey",
        {"UserName": "ann", "SSHPublicKeyBody": ssh_public_key()},
        {"SSHPublicKeyId": lambda answer: answer["SSHPublicKey"]["SSHPublicKeyId"]},
    ),
    Step("UploadSigningCertificate", {"UserName": "ann", "CertificateBody": certificate_pem()}),
    Step("CreateServiceSpecificCredential", {"UserName": "ann", "ServiceName": "codecommit.amazonaws.com"}),
    Step(
        "UploadServerCertificate",
        {
            "ServerCertificateName": "site",
            "CertificateBody": certificate_pem(),
            "PrivateKey": private_key_pem(),
            "Tags": TAGS,
        },
    ),
    Step("CreateOpenIDConnectProvider", {"Url": "https://oidc.example.org", "Tags": TAGS}),
    Step("CreateSAMLProvider", {"Name": "idp", "SAMLMetadataDocument": saml_metadata(), "Tags": TAGS}),
    Step("GenerateCredentialReport"),
    Step("GenerateServiceLastAccessedDetails", {"Arn": arn("user/ann")}, {"JobId": lambda answer: answer["JobId"]}),
    Step("CreateServiceLinkedRole", {"AWSServiceName": "autoscaling.amazonaws.com"}),
    Step(
        "DeleteServiceLinkedRole",
        {"RoleName": "AWSServiceRoleForAutoScaling"},
        {"DeletionTaskId": lambda answer: answer["DeletionTaskId"]},
    ),
    Step(
        "CreatePolicyVersion",
        {"PolicyArn": POLICY, "PolicyDocument": document(allow("iam:Get*")), "SetAsDefault": True},
    ),
    Step("UpdateAssumeRolePolicy", {"RoleName": "ops", "PolicyDocument": document(trusting("*"))}),
    Step("CreateAnalyzer", {"analyzerName": "outside", "type": "ACCOUNT", "tags": {"k": "v"}}),
    Step("ListFindings", {"analyzerArn": ANALYZER}, {"id": lambda answer: answer["findings"][0]["id"]}),
    Step(
        "CreateArchiveRule", {"analyzerName": "outside", "ruleName": "known", "filter": {"isPublic": {"eq": ["true"]}}}
    ),
    Step("ApplyArchiveRule", {"analyzerArn": ANALYZER, "ruleName": "known"}),
    Step("PutContactInformation", {"ContactInformation": CONTACT_INFORMATION}),
    Step("PutAlternateContact", {"AlternateContactType": "SECURITY", **ALTERNATE_CONTACT}),
    Step("RemoveUserFromGroup", {"GroupName": "team", "UserName": "ann"}),
    Step("DeleteUserPolicy", {"UserName": "ann", "PolicyName": "p"}),
    Step("DeleteAccountPasswordPolicy"),
    Step("DeleteAlternateContact", {"AlternateContactType": "SECURITY"}),
)


def take(endpoint: Endpoint, step: Step) -> Members:
    endpoint.later(minutes=20)
    codes = _codes(endpoint) if step.codes else {}
    return endpoint.call(endpoint.root, step.operation, **step.members, **codes)


@cache
def members() -> Mapping[str, Any]:
    """Of whatever an operation takes, ids among them: what is random is the same each time that the story is told."""
    endpoint, known = Endpoint(), dict(KNOWN)
    for step in STORY:
        answer = take(endpoint, step)
        known |= {name: of(answer) for name, of in step.remember.items()}
    return {**known, "AccessKeyId": endpoint.root.access_key_id}


def _codes(endpoint: Endpoint) -> dict[str, str]:
    (seed,) = (new.secret for secret_id, new in endpoint.secrets.items() if secret_id.kind == SecretKind.MFA_SEED)
    step = int(endpoint.at.timestamp()) // 30
    return {f"AuthenticationCode{i}": code_at(b32decode(seed.reveal()), step + i - 2) for i in (1, 2)}
