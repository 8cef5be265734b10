"""Each operation that changes something is seen by another one that reads it."""

from collections.abc import Mapping
from typing import Any

from domain.foundation.errors import Refusal
from tests.services import story
from tests.services.endpoint import ACCOUNT, ALL, Endpoint, allow, arn, document, trusting
from tests.services.iam.scene import certificate_pem, private_key_pem, saml_metadata, ssh_public_key
from tests.services.story import Step

USER, GROUP, ROLE = {"UserName": "ann"}, {"GroupName": "ops"}, {"RoleName": "app"}
PROFILE = {"InstanceProfileName": "web"}
INLINE, DOCUMENT, OTHER = {"PolicyName": "in"}, document(allow("s3:*")), document(allow("s3:Get*"))
POLICY, DEVICE = {"PolicyArn": arn("policy/p")}, {"SerialNumber": arn("mfa/phone")}
OIDC = {"OpenIDConnectProviderArn": arn("oidc-provider/oidc.example.org")}
SAML, SITE = {"SAMLProviderArn": arn("saml-provider/idp")}, {"ServerCertificateName": "site"}
BOUNDARY = {"PermissionsBoundary": arn("policy/p")}
TAGS, KEYS = {"Tags": [{"Key": "k", "Value": "v"}]}, {"TagKeys": ["k"]}
INACTIVE, CODECOMMIT = {"Status": "Inactive"}, {"ServiceName": "codecommit.amazonaws.com"}
CERTIFICATE = {"CertificateBody": certificate_pem()}
LINKED = {"RoleName": "AWSServiceRoleForAutoScaling"}
TRUST = document(trusting(ACCOUNT))
NAMED = {
    "User": USER, "Role": ROLE, "InstanceProfile": PROFILE, "Policy": POLICY, "MFADevice": DEVICE,
    "OpenIDConnectProvider": OIDC, "SAMLProvider": SAML, "ServerCertificate": SITE,
}  # fmt: skip
Read = tuple[str, Mapping[str, Any]]


def _id(name: str) -> dict[str, str]:
    """As an answer before told it."""
    return {name: f"${name}"}


TAGGING: list[tuple[Step, Read]] = [
    (Step(f"{verb}{kind}", named | tags), (f"List{kind}Tags", named))
    for kind, named in NAMED.items()
    for verb, tags in (("Tag", TAGS), ("Untag", KEYS))
]
ATTACHING: list[tuple[Step, Read]] = [
    step
    for kind, named in (("User", USER), ("Group", GROUP), ("Role", ROLE))
    for step in (
        (Step(f"Put{kind}Policy", named | INLINE | {"PolicyDocument": DOCUMENT}), (f"Get{kind}Policy", named | INLINE)),
        (Step(f"Delete{kind}Policy", named | INLINE), (f"Get{kind}Policy", named | INLINE)),
        (Step(f"Attach{kind}Policy", named | POLICY), (f"ListAttached{kind}Policies", named)),
        (Step(f"Detach{kind}Policy", named | POLICY), ("ListEntitiesForPolicy", POLICY)),
    )
]
BOUNDING: list[tuple[Step, Read]] = [
    step
    for kind, named in (("User", USER), ("Role", ROLE))
    for step in (
        (Step(f"Put{kind}PermissionsBoundary", named | BOUNDARY), (f"Get{kind}", named)),
        (Step(f"Delete{kind}PermissionsBoundary", named), (f"Get{kind}", named)),
    )
]
BEGINNING: list[tuple[Step, Read]] = [
    (Step("CreateUser", USER), ("GetUser", USER)),
    (Step("CreateGroup", GROUP), ("GetGroup", GROUP)),
    (Step("AddUserToGroup", GROUP | USER), ("ListGroupsForUser", USER)),
    (Step("CreateRole", ROLE | {"AssumeRolePolicyDocument": TRUST}), ("GetRole", ROLE)),
    (Step("CreatePolicy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}), ("GetPolicy", POLICY)),
    (Step("CreatePolicyVersion", POLICY | {"PolicyDocument": OTHER}), ("ListPolicyVersions", POLICY)),
    (Step("SetDefaultPolicyVersion", POLICY | {"VersionId": "v2"}), ("GetPolicy", POLICY)),
    (Step("DeletePolicyVersion", POLICY | {"VersionId": "v1"}), ("GetPolicyVersion", POLICY | {"VersionId": "v1"})),
    (Step("CreateInstanceProfile", PROFILE), ("GetInstanceProfile", PROFILE)),
    (Step("AddRoleToInstanceProfile", PROFILE | ROLE), ("ListInstanceProfilesForRole", ROLE)),
    (Step("CreateAccessKey", USER), ("ListAccessKeys", USER)),
    (Step("UpdateAccessKey", USER | _id("AccessKeyId") | INACTIVE), ("ListAccessKeys", USER)),
    (Step("CreateLoginProfile", USER | {"Password": "Correct-Horse-1"}), ("GetLoginProfile", USER)),
    (Step("UpdateLoginProfile", USER | {"PasswordResetRequired": True}), ("GetLoginProfile", USER)),
    (Step("UpdateAccountPasswordPolicy", {"MaxPasswordAge": 30}), ("GetAccountPasswordPolicy", {})),
    (Step("DeleteAccountPasswordPolicy"), ("GetAccountPasswordPolicy", {})),
    (Step("CreateAccountAlias", {"AccountAlias": "house"}), ("ListAccountAliases", {})),
    (Step("DeleteAccountAlias", {"AccountAlias": "house"}), ("ListAccountAliases", {})),
    (Step("PutAccountProperties", {"Properties": {"Space/name": "value"}}), ("GetAccountProperties", {})),
    (Step("SetSecurityTokenServicePreferences", {"GlobalEndpointTokenVersion": "v2Token"}), ("GetAccountSummary", {})),
    (Step("CreateVirtualMFADevice", {"VirtualMFADeviceName": "phone"}), ("ListVirtualMFADevices", {})),
    (Step("EnableMFADevice", USER | DEVICE, codes=True), ("ListMFADevices", USER)),
    (Step("UploadSSHPublicKey", USER | {"SSHPublicKeyBody": ssh_public_key()}), ("ListSSHPublicKeys", USER)),
    (Step("UpdateSSHPublicKey", USER | _id("SSHPublicKeyId") | INACTIVE), ("ListSSHPublicKeys", USER)),
    (Step("UploadSigningCertificate", USER | CERTIFICATE), ("ListSigningCertificates", USER)),
    (Step("UpdateSigningCertificate", USER | _id("CertificateId") | INACTIVE), ("ListSigningCertificates", USER)),
    (Step("CreateServiceSpecificCredential", USER | CODECOMMIT), ("ListServiceSpecificCredentials", USER)),
    (
        Step("UpdateServiceSpecificCredential", USER | _id("ServiceSpecificCredentialId") | INACTIVE),
        ("ListServiceSpecificCredentials", USER),
    ),
    (
        Step("UploadServerCertificate", SITE | CERTIFICATE | {"PrivateKey": private_key_pem()}),
        ("GetServerCertificate", SITE),
    ),
    (Step("CreateOpenIDConnectProvider", {"Url": "https://oidc.example.org"}), ("GetOpenIDConnectProvider", OIDC)),
    (Step("AddClientIDToOpenIDConnectProvider", OIDC | {"ClientID": "one"}), ("GetOpenIDConnectProvider", OIDC)),
    (Step("RemoveClientIDFromOpenIDConnectProvider", OIDC | {"ClientID": "one"}), ("GetOpenIDConnectProvider", OIDC)),
    (
        Step("UpdateOpenIDConnectProviderThumbprint", OIDC | {"ThumbprintList": ["a" * 40]}),
        ("GetOpenIDConnectProvider", OIDC),
    ),
    (Step("CreateSAMLProvider", {"Name": "idp", "SAMLMetadataDocument": saml_metadata()}), ("GetSAMLProvider", SAML)),
    (Step("UpdateSAMLProvider", SAML | {"AssertionEncryptionMode": "Allowed"}), ("GetSAMLProvider", SAML)),
    (Step("GenerateCredentialReport"), ("GetCredentialReport", {})),
    (
        Step("GenerateServiceLastAccessedDetails", {"Arn": arn("user/ann")}),
        ("GetServiceLastAccessedDetails", _id("JobId")),
    ),
    (Step("CreateServiceLinkedRole", {"AWSServiceName": "autoscaling.amazonaws.com"}), ("GetRole", LINKED)),
    (Step("UpdateRole", ROLE | {"MaxSessionDuration": 7_200}), ("GetRole", ROLE)),
    (Step("UpdateRoleDescription", ROLE | {"Description": "the web's"}), ("GetRole", ROLE)),
    (Step("UpdateAssumeRolePolicy", ROLE | {"PolicyDocument": document(trusting("*"))}), ("GetRole", ROLE)),
]
ENDING: list[tuple[Step, Read]] = [
    (Step("UpdateServerCertificate", SITE | {"NewPath": "/a/"}), ("GetServerCertificate", SITE)),
    (Step("UpdateGroup", GROUP | {"NewPath": "/a/"}), ("GetGroup", GROUP)),
    (Step("DeleteServiceLinkedRole", LINKED), ("GetServiceLinkedRoleDeletionStatus", _id("DeletionTaskId"))),
    (Step("DeactivateMFADevice", USER | DEVICE), ("ListMFADevices", USER)),
    (Step("DeleteVirtualMFADevice", DEVICE), ("ListMFADeviceTags", DEVICE)),
    (Step("DeleteAccessKey", USER | _id("AccessKeyId")), ("ListAccessKeys", USER)),
    (Step("DeleteLoginProfile", USER), ("GetLoginProfile", USER)),
    (Step("DeleteSSHPublicKey", USER | _id("SSHPublicKeyId")), ("ListSSHPublicKeys", USER)),
    (Step("DeleteSigningCertificate", USER | _id("CertificateId")), ("ListSigningCertificates", USER)),
    (
        Step("DeleteServiceSpecificCredential", USER | _id("ServiceSpecificCredentialId")),
        ("ListServiceSpecificCredentials", USER),
    ),
    (Step("DeleteServerCertificate", SITE), ("GetServerCertificate", SITE)),
    (Step("DeleteOpenIDConnectProvider", OIDC), ("GetOpenIDConnectProvider", OIDC)),
    (Step("DeleteSAMLProvider", SAML), ("GetSAMLProvider", SAML)),
    (Step("RemoveRoleFromInstanceProfile", PROFILE | ROLE), ("GetInstanceProfile", PROFILE)),
    (Step("DeleteInstanceProfile", PROFILE), ("GetInstanceProfile", PROFILE)),
    (Step("RemoveUserFromGroup", GROUP | USER), ("GetGroup", GROUP)),
    (Step("DeleteGroup", GROUP), ("GetGroup", GROUP)),
    (Step("DeleteRole", ROLE), ("GetRole", ROLE)),
    (Step("DeletePolicy", POLICY), ("GetPolicy", POLICY)),
    (Step("UpdateUser", USER | {"NewPath": "/a/"}), ("GetUser", USER)),
    (Step("DeleteUser", USER), ("GetUser", USER)),
]
LIFE = [*BEGINNING, *TAGGING, *ATTACHING, *BOUNDING, *ENDING]
ELSEWHERE = {
    "ChangePassword": "test_passwords.py: the old password is good no more",
    "DisableOrganizationsRootCredentialsManagement": "sts/test_root_sessions.py",
    "DisableOrganizationsRootSessions": "sts/test_root_sessions.py",
    "EnableOrganizationsRootCredentialsManagement": "sts/test_root_sessions.py",
    "EnableOrganizationsRootSessions": "sts/test_root_sessions.py",
    "GenerateOrganizationsAccessReport": "test_reports.py, of an organization",
    "ResetServiceSpecificCredential": "test_user_credentials.py: the password is another one, which nothing reads",
    "ResyncMFADevice": "test_mfa_devices.py: codes count again",
}


def test_every_operation_is_seen() -> None:
    """Those of STS are by whom a session is and what it may: tests/services/sts."""
    writes = {operation.name for operation in ALL if operation.service == "iam" and not operation.read_only}
    assert writes == {step.operation for step, _ in LIFE} | ELSEWHERE.keys()


def test_each_change_is_seen() -> None:
    """What a change leaves, another operation reads otherwise than before; what is deleted is not there any more."""
    endpoint, known = Endpoint(), dict[str, str]()

    def filled(members: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: known.get(name, value) if isinstance(value, str) and value.startswith("$") else value
            for name, value in members.items()
        }

    def read(asked: Read) -> str:
        try:
            return repr(endpoint.call(endpoint.root, asked[0], **filled(asked[1])))
        except Refusal as refusal:
            return refusal.code

    for step, asked in LIFE:
        is_known = all(not isinstance(value, str) or value[:1] != "$" for value in filled(asked[1]).values())
        before = read(asked) if is_known else "nothing"
        known |= dict(_scalars(story.take(endpoint, step._replace(members=filled(step.members)))))
        after = read(asked)
        assert after != before, step.operation
        if step.operation.startswith("Delete") and asked[0] == step.operation.replace("Delete", "Get"):
            assert after == "NoSuchEntity", step.operation


def _scalars(answer: object) -> list[tuple[str, str]]:
    if not isinstance(answer, dict):
        return []
    return [
        *((name, value) for name, value in answer.items() if isinstance(value, str)),
        *(found for value in answer.values() for found in _scalars(value)),
    ]
