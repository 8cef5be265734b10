"""Every operation keeps to its contract with botocore's model: parameters, refusals, records."""

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from botocore import xform_name
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import CredentialUsed
from domain.foundation.errors import Refusal, ValidationError
from domain.foundation.events import Use
from services.iam import users
from services.wire.authentication import VerifiedCredential
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.json_errors import JSON_ERRORS
from services.wire.operations import Operation, answers, find_operation
from services.wire.protocols.ec2 import EC2_ERRORS
from services.wire.shapes import Shape, is_secret
from tests.saml import private_key, saml_metadata
from tests.services.contacts import CONTACT_INFORMATION
from tests.services.endpoint import ACCOUNT, ALL, SERVICE_OF, SERVICES, Endpoint, allow, arn, document, trusting
from tests.services.iam.certificates import certificate, public_key

EACH = pytest.mark.parametrize("operation", ALL, ids=lambda operation: f"{operation.service}:{operation.name}")


def own_parameters(operation: Operation) -> dict[str, bool]:
    """Those that the function takes, under the wire's names, and whether each is required. Functions that share some
    take them as a TypedDict."""
    own: dict[str, bool] = {}
    for name, parameter in inspect.signature(operation.run).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            own[operation.holder if name == "name" and operation.holder else name] = (
                parameter.default is parameter.empty
            )
        elif parameter.kind is parameter.VAR_KEYWORD:
            (shared,) = get_args(parameter.annotation)
            own |= {member: member in shared.__required_keys__ for member in shared.__annotations__}
    return own


def test_there_are_operations() -> None:
    """All services have registered theirs, so that the tests below are about something."""
    assert {operation.service for operation in ALL} == SERVICES.keys()
    assert len(ALL) > 50
    assert all(find_operation(operation.service, operation.name) is operation for operation in ALL)


def test_an_operation_is_answered_once() -> None:
    """A second function for the same operation is a defect that shows when the program starts."""
    with pytest.raises(TypeError, match="iam:CreateUser is answered twice"):
        answers("CreateUser", on=None)(users.create_user)


@EACH
def test_the_signature_is_the_contract(operation: Operation) -> None:
    """The keyword-only parameters and those that are refused are the model's members, each once; what the model
    requires has no default, and nothing that it requires is refused."""
    model = SERVICES[operation.service].operation(operation.name).parameters
    own = own_parameters(operation)
    assert own.keys() | operation.without == model.keys()
    assert not own.keys() & operation.without
    assert {name for name, required in own.items() if required} == {name for name, needed in model.items() if needed}


@EACH
def test_account_and_call_come_first(operation: Operation) -> None:
    """Every operation is a function of the account and the call; the rest comes by keyword."""
    kinds = [parameter.kind for parameter in inspect.signature(operation.run).parameters.values()]
    assert kinds[:2] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2
    assert set(kinds[2:]) <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


@EACH
def test_what_is_recorded(operation: Operation) -> None:
    """Only the operation's own parameters, and none that is a secret, a token or a code."""
    assert operation.recorded <= own_parameters(operation).keys()
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    for member, member_shape in (shape.members if shape else {}).items():
        assert xform_name(member) not in operation.recorded or not holds_secrets(member, member_shape)


MISTAKEN_FOR_KEYS = frozenset(
    {"certificate_body", "certificate_chain", "saml_metadata_document", "ssh_public_key_body"}
)
"""In which people send private keys by mistake: nothing of them is recorded, not how they begin either. Of what is
taken, an event has the digest."""


def holds_secrets(member: str, shape: Shape) -> bool:
    """Itself, or a member of a structure."""
    within = shape.members if shape.type_name == "structure" else {}
    return is_secret(member, shape) or any(holds_secrets(*each) for each in within.items())


@EACH
def test_everything_but_secrets_is_recorded(operation: Operation) -> None:
    """No parameter that may be recorded is forgotten: an auditor sees what was asked for."""
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    members = shape.members if shape else {}
    secrets = {xform_name(member) for member, member_shape in members.items() if holds_secrets(member, member_shape)}
    assert operation.recorded == own_parameters(operation).keys() - secrets - MISTAKEN_FOR_KEYS


EXAMPLES: dict[str, Any] = {
    "Path": "/x/",
    "Tags": [{"Key": "a", "Value": "b"}],
    "TransitiveTagKeys": ["a"],
    "SerialNumber": arn("mfa/ann"),
    "TokenCode": "123456",
    "SourceIdentity": "somebody",
    "ProvidedContexts": [{"ProviderArn": arn("x/y"), "ContextAssertion": "abcd"}],
    "MinimumSessionTokenSize": 1_024,
}
REQUIRED: dict[str, Any] = {
    "UserName": "ann",
    "RoleName": "ops",
    "PolicyName": "p",
    "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
    "PolicyDocument": document(allow()),
    "AssumeRolePolicyDocument": document(trusting(ACCOUNT)),
    "RoleArn": arn("role/ops"),
    "RoleSessionName": "night",
}
REFUSED = [(operation.name, name) for operation in ALL for name in sorted(operation.without)]


@pytest.mark.parametrize(("operation", "parameter"), REFUSED)
def test_what_is_not_supported_is_refused(operation: str, parameter: str) -> None:
    """A parameter of AWS's operation that this server does not take yet is named in a refusal, never ignored, and the
    refusal is one that clients of that service know."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateRole", RoleName="ops", AssumeRolePolicyDocument=document(trusting(ACCOUNT)))
    shape = SERVICES[SERVICE_OF[operation]]._model.operation_model(operation).input_shape
    assert shape is not None
    (member,) = (name for name in shape.members if xform_name(name) == parameter)
    members = {name: REQUIRED[name] for name in shape.required_members} | {member: EXAMPLES[member]}
    changes = endpoint.account.position
    with pytest.raises(ValidationError, match=member):
        endpoint.call(endpoint.root, operation, **members)
    assert endpoint.account.position == changes


NAMES = st.sampled_from(["ann", "Ann", "bob", "ops"])
ARNS = st.sampled_from(
    [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        *(arn(f"policy/{name}") for name in ("ann", "Ann", "bob", "ops")),
        arn("policy/a/ann"),
    ]
)
IDENTITY_POLICIES = st.sampled_from(
    [
        document(allow()),
        document(allow("iam:*")),
        document(allow(Sid="a" * 2_200)),
        document(allow(Sid="a" * 6_200)),
        "{",
    ]
)
TRUST_POLICIES = st.sampled_from(
    [
        document(trusting(ACCOUNT)),
        document(trusting(arn("user/ann"))),
        document(trusting(ACCOUNT, Sid="a" * 2_100)),
        "{",
    ]
)
PASSWORDS = st.sampled_from(["Correct-Horse", "Battery-Staple-7", "weak"])
ANALYZER_ARNS = NAMES.map(lambda name: f"arn:aws:access-analyzer:eu-central-1:{ACCOUNT}:analyzer/{name}")
FILTERS = st.sampled_from(
    [{"isPublic": {"eq": ["false"]}}, {"principal.AWS": {"neq": ["1"]}}, {"none": {"exists": True}}, {"error": {}}]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UserName": NAMES,
    "NewUserName": NAMES,
    "GroupName": NAMES,
    "NewGroupName": NAMES,
    "RoleName": NAMES,
    "PolicyName": NAMES,
    "InstanceProfileName": NAMES,
    "AWSServiceName": st.sampled_from(["autoscaling.amazonaws.com", "ecs.amazonaws.com", "s3.amazonaws.com"]),
    "CustomSuffix": NAMES,
    "DeletionTaskId": st.sampled_from(["task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1", "1"]),
    "Path": st.sampled_from(["/", "/a/"]),
    "NewPath": st.sampled_from(["/", "/a/"]),
    "PathPrefix": st.sampled_from(["/", "/a/"]),
    "PolicyArn": ARNS,
    "PolicyDocument": IDENTITY_POLICIES,
    "AssumeRolePolicyDocument": TRUST_POLICIES,
    "VersionId": st.sampled_from(["v1", "v2", "v3", "v9"]),
    "SetAsDefault": st.booleans(),
    "Description": st.just("for the night shift"),
    "MaxSessionDuration": st.sampled_from([3_600, 7_200]),
    "Marker": st.just("bm8"),
    "MaxItems": st.integers(1, 3),
    "Scope": st.sampled_from(["All", "AWS", "Local"]),
    "OnlyAttached": st.booleans(),
    "EntityFilter": st.sampled_from(["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]),
    "Filter": st.sampled_from([["User"], ["Role", "AWSManagedPolicy"], ["Group", "LocalManagedPolicy"]]),
    "Status": st.sampled_from(["Active", "Inactive"]),
    "RoleArn": st.sampled_from([arn("role/ann"), arn("role/a/bob"), "arn:aws:iam::210987654321:role/ann"]),
    "RoleSessionName": st.just("night"),
    "DurationSeconds": st.sampled_from([900, 3_600, 7_200, 43_200]),
    "Policy": st.sampled_from([document(allow()), document(allow(Sid="a" * 1_900)), "{"]),
    "PolicyArns": st.lists(ARNS.map(lambda arn: {"arn": arn}), min_size=1, max_size=11),
    "AccountAlias": st.sampled_from(["first", "second", "third"]),
    "ExternalId": st.just("a secret handshake"),
    "Password": PASSWORDS,
    "OldPassword": PASSWORDS,
    "NewPassword": PASSWORDS,
    "PasswordResetRequired": st.booleans(),
    "MinimumPasswordLength": st.sampled_from([6, 12]),
    "RequireSymbols": st.booleans(),
    "RequireNumbers": st.booleans(),
    "RequireUppercaseCharacters": st.booleans(),
    "RequireLowercaseCharacters": st.booleans(),
    "AllowUsersToChangePassword": st.booleans(),
    "MaxPasswordAge": st.just(90),
    "PasswordReusePrevention": st.sampled_from([1, 24]),
    "HardExpiry": st.booleans(),
    "Arn": st.sampled_from([arn("user/ann"), arn("group/ann"), arn("root")]),
    "Granularity": st.sampled_from(["SERVICE_LEVEL", "ACTION_LEVEL"]),
    "JobId": st.just("0" * 36),
    "ServiceNamespace": st.just("iam"),
    "ServiceNamespaces": st.sampled_from([["iam"], ["nosuch"]]),
    "EntityPath": st.just("o-a1b2c3d4e5/r-ab12"),
    "OrganizationsPolicyId": st.just("p-abcdefgh"),
    "SortKey": st.just("SERVICE_NAMESPACE_DESCENDING"),
    "PermissionsBoundary": ARNS,
    "PolicyUsageFilter": st.sampled_from(["PermissionsPolicy", "PermissionsBoundary"]),
    "Tags": st.lists(
        st.sampled_from(["team", "Team", "shift", "aws:x"]).map(lambda key: {"Key": key, "Value": ""}), max_size=2
    ),
    "TagKeys": st.lists(st.sampled_from(["TEAM", "shift"]), min_size=1, max_size=2),
    "Url": st.sampled_from(["https://a.example.com", "https://b.example.com/a", "http://c.example.com"]),
    "OpenIDConnectProviderArn": st.sampled_from(
        [arn("oidc-provider/a.example.com"), arn("oidc-provider/b.example.com/a"), arn("oidc-provider/c")]
    ),
    "ClientID": NAMES,
    "ClientIDList": st.lists(NAMES, max_size=3),
    "ThumbprintList": st.sampled_from([[], ["a" * 40], ["x" * 40]]),
    "Name": NAMES,
    "SAMLProviderArn": st.sampled_from([arn("saml-provider/ann"), arn("saml-provider/bob"), arn("saml-provider/none")]),
    "SAMLMetadataDocument": st.sampled_from([saml_metadata(), saml_metadata("b"), "x" * 1_000]),
    "AssertionEncryptionMode": st.sampled_from(["Required", "Allowed"]),
    "AddPrivateKey": st.sampled_from([private_key(), "no key"]),
    "RemovePrivateKey": st.just("SAMLK" + "A" * 17),
    "Properties": st.sampled_from([{"RoleManager/Enabled": "true"}, {"a/b": "c", "b/c": "d"}, {"a": "b"}]),
    "GlobalEndpointTokenVersion": st.sampled_from(["v1Token", "v2Token"]),
    "EncodedMessage": st.just("muniment_msg_v1_"),
    "TransitiveTagKeys": st.lists(st.sampled_from(["TEAM", "shift"]), min_size=1, max_size=2),
    "SourceIdentity": st.just("somebody"),
    "ProvidedContexts": st.just([{"ProviderArn": arn("x/yyyyyyyyyyyyyyy"), "ContextAssertion": "abcd"}]),
    "MinimumSessionTokenSize": st.sampled_from([0, 4_096]),
    "TargetPrincipal": st.sampled_from(["210987654321", arn("root")]),
    "TaskPolicyArn": st.just({"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}),
    "policyDocument": IDENTITY_POLICIES,
    "newPolicyDocument": IDENTITY_POLICIES,
    "existingPolicyDocument": IDENTITY_POLICIES,
    "access": st.sampled_from([[], [{"actions": ["iam:*"]}], [{"resources": ["no resource"]}]]),
    "policyType": st.just("IDENTITY_POLICY"),
    "locale": st.sampled_from(["DE", "EN"]),
    "maxResults": st.integers(0, 3),
    "nextToken": st.just("bm8"),
    "validatePolicyResourceType": st.just("AWS::S3::Bucket"),
    "analyzerName": NAMES,
    "analyzerArn": ANALYZER_ARNS,
    "resourceArn": ANALYZER_ARNS | st.sampled_from([arn("role/ann"), arn("user/ann")]),
    "type": st.sampled_from(["ACCOUNT", "ACCOUNT_UNUSED_ACCESS", "ORGANIZATION"]),
    "archiveRules": FILTERS.map(lambda said: [{"ruleName": "ann", "filter": said}]),
    "ruleName": NAMES,
    "filter": FILTERS,
    "tags": st.sampled_from([{}, {"team": "ops"}, {"aws:x": "y"}]),
    "tagKeys": st.just(["team"]),
    "clientToken": st.just("x"),
    "configuration": st.sampled_from(
        [
            {"unusedAccess": {"unusedAccessAge": 1, "analysisRule": {"exclusions": [{"resourceTags": [{"a": "b"}]}]}}},
            {"unusedAccess": {"unusedAccessAge": 366}},
            {"internalAccess": {}},
        ]
    ),
    "sort": st.sampled_from([{"attributeName": "resource", "orderBy": "DESC"}, {"attributeName": "none"}]),
    "status": st.sampled_from(["ACTIVE", "ARCHIVED"]),
    "id": st.just("0" * 36),
    "ids": st.sampled_from([[], ["0" * 36]]),
    "resourceType": st.just("AWS::S3::Bucket"),
    "resourceOwnerAccount": st.sampled_from([ACCOUNT, "210987654321"]),
    "PolicyInputList": st.lists(IDENTITY_POLICIES, min_size=1, max_size=2),
    "PermissionsBoundaryPolicyInputList": st.lists(IDENTITY_POLICIES, min_size=1, max_size=2),
    "OrderedOrganizationPolicyInputList": IDENTITY_POLICIES.map(
        lambda text: [{"ServiceControlPolicyInputList": [text]}]
    ),
    "PolicySourceArn": st.sampled_from([arn("user/ann"), arn("group/ann"), arn("role/ann"), arn("policy/ann")]),
    "PolicyExclusionList": st.sampled_from([[{"PolicyType": "inline"}], [{"PolicyArn": arn("user/ann")}]]),
    "ActionNames": st.sampled_from([["iam:GetUser"], ["sts:AssumeRole", "s3:GetObject"], ["everything"]]),
    "ResourceArns": st.sampled_from([["*"], [arn("user/ann"), "arn:aws:s3:::bucket"], ["bucket"]]),
    "ResourcePolicy": st.one_of(st.just(document(allow(Principal="*"))), TRUST_POLICIES),
    "ResourceOwner": st.sampled_from([ACCOUNT, "arn:aws:iam::210987654321:root", "somebody"]),
    "CallerArn": st.sampled_from([arn("user/ann"), arn("role/a/bob"), arn("root")]),
    "ContextEntries": st.sampled_from(["10.0.0.1", "nowhere"]).map(
        lambda address: [{"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": [address]}]
    ),
    "VirtualMFADeviceName": NAMES,
    "SerialNumber": st.sampled_from([arn("mfa/ann"), arn("mfa/a/bob"), "GAHT12345678"]),
    "AuthenticationCode1": st.just("000000"),
    "AuthenticationCode2": st.just("000001"),
    "TokenCode": st.just("000000"),
    "AllUsers": st.booleans(),
    "AssignmentStatus": st.sampled_from(["Any", "Assigned", "Unassigned"]),
    "ServiceName": st.sampled_from(["codecommit.amazonaws.com", "bedrock.amazonaws.com", "s3.amazonaws.com"]),
    "CredentialAgeDays": st.integers(1, 3),
    "SSHPublicKeyBody": st.sampled_from(
        [public_key("first", Encoding.OpenSSH), public_key("first", Encoding.PEM), "-"]
    ),
    "SSHPublicKeyId": st.just("APKAQNZGKIQY56JQ7WMLA"),
    "Encoding": st.sampled_from(["SSH", "PEM"]),
    "CertificateBody": st.sampled_from([certificate("site", "top").body, certificate("ann").body, "-"]),
    "CertificateId": st.just("A" * 28),
    "ServerCertificateName": NAMES,
    "NewServerCertificateName": NAMES,
    "PrivateKey": st.sampled_from([certificate("site", "top").key, certificate("ann").key]),
    "CertificateChain": st.sampled_from([certificate("top").body, "-"]),
    "ServiceSpecificCredentialId": st.just("ACCAQNZGKIQY56JQ7WMLA"),
    "ResourceHandlingOption": st.just("EC2-VPC-EBS"),
    "AccountId": st.sampled_from([ACCOUNT, "210987654321"]),
    "AlternateContactType": st.sampled_from(["BILLING", "SECURITY"]),
    "ContactInformation": st.sampled_from([CONTACT_INFORMATION, CONTACT_INFORMATION | {"CountryCode": "xx"}]),
    "EmailAddress": st.just("ann@example.com"),
    "PhoneNumber": st.just("+49 30 1"),
    "Title": NAMES,
    "RegionName": st.sampled_from(["eu-central-1", "me-south-1"]),
    "MaxResults": st.integers(1, 3),
    "NextToken": st.just("bm8"),
    "ChildId": st.sampled_from([ACCOUNT, "ou-ab12-11111111"]),
    "ChildType": st.sampled_from(["ACCOUNT", "ORGANIZATIONAL_UNIT"]),
    "OrganizationalUnitId": st.just("ou-ab12-11111111"),
    "ParentId": st.sampled_from(["r-ab12", "ou-ab12-11111111"]),
    "PolicyId": st.sampled_from(["p-FullAWSAccess", "p-abcdefgh"]),
    "ResourceId": st.sampled_from(["r-ab12", "p-FullAWSAccess"]),
    "ServicePrincipal": st.just("config.amazonaws.com"),
    "TargetId": st.sampled_from(["r-ab12", ACCOUNT]),
    "AllRegions": st.booleans(),
    "DryRun": st.booleans(),
    "Filters": st.sampled_from([[{"Name": "region-name", "Values": ["eu-*"]}], [{"Name": "x", "Values": ["y"]}]]),
    "RegionNames": st.sampled_from([["eu-central-1", "us-east-1"], ["me-south-1"]]),
    "RegionOptStatusContains": st.sampled_from([["ENABLED_BY_DEFAULT"], ["DISABLED", "ENABLED"]]),
}
WRITING = [operation for operation in ALL if not operation.read_only]


@st.composite
def requests(
    draw: st.DrawFn, endpoint: Endpoint, callers: Sequence[VerifiedCredential]
) -> tuple[Operation, dict[str, Any]]:
    """Mostly operations that change something, so that the others have something to read; no caller's own key."""
    operation = draw(st.sampled_from(WRITING) | st.sampled_from(ALL))
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    members = {} if shape is None else shape.members
    wanted = [
        name
        for name in members
        if xform_name(name) not in operation.without and (name in shape.required_members or draw(st.booleans()))
    ]
    values = VALUES
    if operation.service == "organizations":
        values = VALUES | {"Filter": st.sampled_from(["SERVICE_CONTROL_POLICY", "TAG_POLICY"])}
    if operation.name == "UpdateAssumeRolePolicy":
        values = VALUES | {"PolicyDocument": TRUST_POLICIES}
    keys = sorted(set(endpoint.account[ACCESS_KEYS].by_id) - {caller.access_key_id for caller in callers})
    values = values | {"AccessKeyId": st.sampled_from([*keys, "AKIAQNZGKIQY56JQ7WML"])}
    return operation, {name: draw(values[name]) for name in wanted}


def qualified(operation: Operation) -> str:
    return f"{operation.service}:{operation.name}"


def played(data: st.DataObject) -> dict[str, set[str]]:
    """Codes of refusals by operation, in a random history of calls by the root user and by an administrator. Every
    answer has passed through the model's serialiser, and every refusal has been one of the service's."""
    endpoint = Endpoint()
    callers = [endpoint.root, endpoint.user("root-like", allow())]
    endpoint.user("ann")
    endpoint.role("ann", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="ann")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="ann", UserName="ann")
    codes: dict[str, set[str]] = defaultdict(set)
    for _ in range(data.draw(st.integers(10, 40))):
        operation, members = data.draw(requests(endpoint, callers))
        before = endpoint.account.position
        try:
            endpoint.call(data.draw(st.sampled_from(callers)), qualified(operation), **members)
        except Refusal as refusal:
            codes[qualified(operation)].add(refusal.code)
        else:
            assert not operation.read_only or only_used(endpoint, before)
    return codes


def only_used(endpoint: Endpoint, before: int) -> bool:
    """Whether nothing has changed since but the last use of a credential."""
    return all(isinstance(entry.event, CredentialUsed | Use) for entry in endpoint.entries if entry.position > before)


COMMON_CODES: Mapping[str, Mapping[str, object]] = {
    "ec2": EC2_ERRORS,
    "json": JSON_ERRORS,
    "query": COMMON_ERROR_STATUSES,
    "rest-json": JSON_ERRORS,
}
"""Of all operations, by protocol."""


def is_known(operation: Operation, code: str) -> bool:
    declared = SERVICES[operation.service]._model.operation_model(operation.name).error_shapes
    common = COMMON_CODES[SERVICES[operation.service].protocol]
    return code in {*common, *(shape.metadata.get("error", {}).get("code", shape.name) for shape in declared)}


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_refusals_are_errors_that_the_model_declares(data: st.DataObject) -> None:
    """Whatever an operation refuses with, its clients know: the model has the code for just this operation, or it is
    common to all. And a call that only reads changes nothing but the last use of a credential."""
    for name, codes in played(data).items():
        (operation,) = (operation for operation in ALL if qualified(operation) == name)
        unknown = {code for code in codes if not is_known(operation, code)}
        assert not unknown, f"{name} refuses with {unknown}"


def test_the_random_calls_reach_the_refusals() -> None:
    """The property above is about something: each of these is met."""
    reached: set[str] = set()

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=120,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        reached.update(*played(data).values())

    collect()
    assert reached >= {
        "AccessDenied",
        "DeleteConflict",
        "EntityAlreadyExists",
        "InvalidInput",
        "LimitExceeded",
        "MalformedPolicyDocument",
        "NoSuchEntity",
        "ValidationError",
    }
