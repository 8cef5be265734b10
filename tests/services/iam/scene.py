"""An account that has two of everything, and for each operation a call about it."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from domain.rules.accounts import Partition
from services.wire.operations import Operation
from tests.services.contacts import ALTERNATE_CONTACT, CONTACT_INFORMATION
from tests.services.endpoint import (
    ACCOUNT,
    BEGAN_AT,
    SERVICE_OF,
    SERVICES,
    Endpoint,
    Members,
    allow,
    document,
    trusting,
)

PASSWORD = "Correct-Horse-7"
TAGS = [{"Key": "team", "Value": "ops"}, {"Key": "stage", "Value": "live"}]
OTHER_ACCOUNT = "210987654321"
RULE = "iam-user-mfa-enabled"


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def private_key_pem() -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return private_key().private_bytes(encoding, form, serialization.NoEncryption()).decode()


def ssh_public_key() -> str:
    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return private_key().public_key().public_bytes(encoding, form).decode()


@cache
def certificate_pem(serial: int = 1) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    builder = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, serial_number=serial)
        .public_key(private_key().public_key())
        .not_valid_before(BEGAN_AT - timedelta(days=1))
        .not_valid_after(BEGAN_AT + timedelta(days=3_650))
    )
    return builder.sign(private_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@cache
def saml_metadata() -> str:
    certificate = "".join(certificate_pem().splitlines()[1:-1])
    assert base64.b64decode(certificate)
    return (
        '<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" '
        'entityID="https://idp.example.org/saml"><IDPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">'
        f'<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}'
        "</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService "
        'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.org/sso"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    )


class Step(NamedTuple):
    operation: str
    members: Mapping[str, Any]
    remember: Mapping[str, Callable[[Members], Any]] = {}
    """What later calls name, by parameter."""


def _principals(arn: Callable[[str], str]) -> Sequence[Step]:
    first, second = arn("policy/a/p"), arn("policy/q")
    policy = document(allow("s3:GetObject"))
    ann, staff, ops = {"UserName": "ann"}, {"GroupName": "staff"}, {"RoleName": "ops"}
    trust = document(trusting(ACCOUNT), {**trusting(), "Principal": {"Service": "ec2.amazonaws.com"}})
    held = [
        Step(f"{verb}{kind}Policy", named | what)
        for kind, named in (("User", ann), ("Group", staff), ("Role", ops))
        for verb, what in (
            ("Put", {"PolicyName": "p", "PolicyDocument": policy}),
            ("Put", {"PolicyName": "q", "PolicyDocument": policy}),
            ("Attach", {"PolicyArn": first}),
            ("Attach", {"PolicyArn": second}),
        )
    ]
    born = {"Path": "/a/", "PermissionsBoundary": first, "Tags": TAGS}
    role = {"AssumeRolePolicyDocument": trust}
    return (
        Step("CreatePolicy", {"PolicyName": "p", "Path": "/a/", "PolicyDocument": policy, "Tags": TAGS}),
        Step("CreatePolicy", {"PolicyName": "q", "PolicyDocument": policy}),
        Step("CreatePolicyVersion", {"PolicyArn": first, "PolicyDocument": policy}),
        Step("CreateUser", ann | born),
        Step("CreateUser", {"UserName": "bob", "Path": "/a/"}),
        Step("CreateAccessKey", ann),
        Step("CreateAccessKey", ann, {"AccessKeyId": lambda answer: answer["AccessKey"]["AccessKeyId"]}),
        Step("CreateLoginProfile", ann | {"Password": PASSWORD}),
        Step("CreateGroup", staff | {"Path": "/a/"}),
        Step("CreateGroup", {"GroupName": "others"}),
        Step("AddUserToGroup", staff | ann),
        Step("AddUserToGroup", staff | {"UserName": "bob"}),
        Step("AddUserToGroup", {"GroupName": "others"} | ann),
        Step("CreateRole", ops | born | role),
        Step("CreateRole", {"RoleName": "spare"} | role),
        *held,
        Step("UpdateAccountPasswordPolicy", {"MinimumPasswordLength": 12}),
        Step("CreateAccountAlias", {"AccountAlias": "example"}),
        Step("PutAccountProperties", {"Properties": {"iam/x": "y"}}),
    )


def _belongings(arn: Callable[[str], str]) -> Sequence[Step]:
    ann, ops = {"UserName": "ann"}, {"RoleName": "ops"}
    return (
        Step("CreateInstanceProfile", {"InstanceProfileName": "web", "Path": "/a/", "Tags": TAGS}),
        Step("CreateInstanceProfile", {"InstanceProfileName": "db"}),
        Step("AddRoleToInstanceProfile", {"InstanceProfileName": "web"} | ops),
        Step("AddRoleToInstanceProfile", {"InstanceProfileName": "db"} | ops),
        Step("CreateVirtualMFADevice", {"VirtualMFADeviceName": "phone", "Path": "/a/", "Tags": TAGS}),
        Step("CreateVirtualMFADevice", {"VirtualMFADeviceName": "token"}),
        Step(
            "UploadSSHPublicKey",
            ann | {"SSHPublicKeyBody": ssh_public_key()},
            {"SSHPublicKeyId": lambda answer: answer["SSHPublicKey"]["SSHPublicKeyId"]},
        ),
        *(
            Step(
                "UploadSigningCertificate",
                ann | {"CertificateBody": certificate_pem(serial)},
                {"CertificateId": lambda answer: answer["Certificate"]["CertificateId"]},
            )
            for serial in (1, 2)
        ),
        *(
            Step(
                "UploadServerCertificate",
                {"ServerCertificateName": name, "CertificateBody": certificate_pem(), "PrivateKey": private_key_pem()}
                | more,
            )
            for name, more in (("web", {"Path": "/a/", "Tags": TAGS}), ("db", {}))
        ),
        *(
            Step(
                "CreateServiceSpecificCredential",
                ann | {"ServiceName": "codecommit.amazonaws.com"},
                {
                    "ServiceSpecificCredentialId": lambda answer: answer["ServiceSpecificCredential"][
                        "ServiceSpecificCredentialId"
                    ]
                },
            )
            for _ in range(2)
        ),
        Step(
            "CreateOpenIDConnectProvider",
            {"Url": "https://oidc.example.org", "ClientIDList": ["one"], "ThumbprintList": ["a" * 40], "Tags": TAGS},
        ),
        Step("CreateSAMLProvider", {"Name": "idp", "SAMLMetadataDocument": saml_metadata(), "Tags": TAGS}),
        Step("CreateServiceLinkedRole", {"AWSServiceName": "autoscaling.amazonaws.com"}),
        Step("PutAlternateContact", {"AlternateContactType": "SECURITY", **ALTERNATE_CONTACT}),
        Step(
            "GenerateServiceLastAccessedDetails", {"Arn": arn("user/a/ann")}, {"JobId": lambda answer: answer["JobId"]}
        ),
    )


class Scene(NamedTuple):
    endpoint: Endpoint
    values: Mapping[str, Any]
    """Of parameters, by their names."""
    by_operation: Mapping[str, Mapping[str, Any]]
    """Where an operation takes another value for a parameter."""

    def members(self, operation: Operation, *optional: str) -> Members:
        """What the operation requires, and those of `optional` that it has."""
        shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
        if shape is None:
            return {}
        values = {**self.values, **self.by_operation.get(operation.name, {})}
        wanted = [name for name in shape.members if name in shape.required_members or name in optional]
        return {name: values[name] for name in wanted}


@cache
def _built(partition: Partition) -> tuple[Endpoint, Mapping[str, Any]]:
    endpoint = Endpoint(partition=partition)
    remembered: dict[str, Any] = {}
    for step in (*_principals(endpoint.account.arn), *_belongings(endpoint.account.arn)):
        if step.operation in SERVICE_OF:
            answer = endpoint.call(endpoint.root, step.operation, **step.members)
            remembered |= {name: of(answer) for name, of in step.remember.items()}
    return endpoint, remembered


def scene(partition: Partition = "aws") -> Scene:
    """One of its own, quickly."""
    built, remembered = _built(partition)
    endpoint = built.fork()
    return Scene(endpoint, {**_values(endpoint.account.arn), **remembered}, _by_operation(endpoint.account.arn))


def _values(arn: Callable[[str], str]) -> dict[str, Any]:
    policy = document(allow("s3:GetObject"))
    job = "01234567-89ab-cdef-0123-456789abcdef"
    return {
        "AWSServiceName": "autoscaling.amazonaws.com",
        "AccessKeyId": "AKIAQNZGKIQY56JQ7WML",
        "AccountAlias": "example",
        "ActionNames": ["s3:GetObject"],
        "AlternateContactType": "SECURITY",
        "Arn": arn("user/a/ann"),
        "AssumeRolePolicyDocument": document(trusting(ACCOUNT)),
        "AuthenticationCode1": "123456",
        "AuthenticationCode2": "654321",
        "CertificateBody": certificate_pem(),
        "CertificateId": "A" * 24,
        "ClientID": "two",
        "ConfigRuleName": RULE,
        "ContactInformation": CONTACT_INFORMATION,
        "CredentialAgeDays": 30,
        "DeletionTaskId": "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/" + job,
        "Description": "for the night shift",
        **ALTERNATE_CONTACT,
        "EncodedMessage": "muniment_msg_v1_",
        "Encoding": "SSH",
        "EntityPath": "o-a1b2c3d4e5/r-f6g7",
        "GlobalEndpointTokenVersion": "v2Token",
        "GroupName": "staff",
        "InstanceProfileName": "web",
        "JobId": job,
        "Name": "night",
        "NewPassword": "Battery-Staple-7",
        "OldPassword": PASSWORD,
        "OpenIDConnectProviderArn": arn("oidc-provider/oidc.example.org"),
        "Password": PASSWORD,
        "PermissionsBoundary": arn("policy/a/p"),
        "PolicyArn": arn("policy/a/p"),
        "PolicyDocument": policy,
        "PolicyInputList": [policy],
        "PolicyName": "p",
        "PolicySourceArn": arn("user/a/ann"),
        "PrivateKey": private_key_pem(),
        "Properties": {"iam/x": "y"},
        "RegionName": "eu-central-1",
        "RoleArn": arn("role/a/ops"),
        "RoleName": "ops",
        "OrganizationsPolicyId": "p-a1b2c3d4",
        "RoleSessionName": "night",
        "SAMLMetadataDocument": saml_metadata(),
        "SAMLProviderArn": arn("saml-provider/idp"),
        "SSHPublicKeyBody": ssh_public_key(),
        "SSHPublicKeyId": "APKA" + "A" * 16,
        "SerialNumber": arn("mfa/a/phone"),
        "ServerCertificateName": "web",
        "ServiceName": "codecommit.amazonaws.com",
        "ServiceNamespace": "iam",
        "ServiceNamespaces": ["iam", "s3"],
        "ServiceSpecificCredentialId": "ACCA" + "A" * 16,
        "Status": "Inactive",
        "TagKeys": ["team"],
        "Tags": TAGS[:1],
        "TargetPrincipal": OTHER_ACCOUNT,
        "TaskPolicyArn": {"arn": f"{arn('').split('::')[0]}::aws:policy/root-task/IAMAuditRootUserCredentials"},
        "ThumbprintList": ["b" * 40],
        "Url": "https://oidc.example.org",
        "UserName": "ann",
        "VersionId": "v2",
        "VirtualMFADeviceName": "phone",
    }


def _by_operation(arn: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    trust = json.dumps(json.loads(document(trusting(ACCOUNT))))
    linked = {"RoleName": "AWSServiceRoleForAutoScaling"}
    return {
        "CreateSAMLProvider": {"Name": "idp"},
        "DeleteServiceLinkedRole": linked,
        "CreatePolicy": {"Path": "/a/"},
        "CreateInstanceProfile": {"Path": "/a/"},
        "CreateVirtualMFADevice": {"Path": "/a/"},
        "UploadServerCertificate": {"Path": "/a/"},
        "SimulatePrincipalPolicy": {"PolicySourceArn": arn("user/a/ann")},
        "UpdateAssumeRolePolicy": {"PolicyDocument": trust},
    }
