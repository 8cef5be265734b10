"""Services of the operator's own: what trust policies may name, and what such a service may call."""

import secrets
from dataclasses import replace

import pytest

from domain.families.sessions import SessionIssued
from domain.foundation.errors import (
    AccessDenied,
    EntityAlreadyExists,
    InvalidClientTokenId,
    MalformedPolicyDocument,
    NoSuchEntity,
    ValidationError,
)
from domain.foundation.identifiers import ACCESS_KEY, INSTALLATION, new_access_key_id
from domain.policy.service_principals import KNOWN_SERVICES, is_of_aws
from domain.queries.reevaluation import reevaluate_decision
from domain.rules import service_principals
from services.wire.authentication import VerifiedCredential
from services.wire.raw_request import RawRequest
from services.wire.service_callers import SOURCE_ARN_CHARACTERS_MAX, credential_of_service, source_of_call
from tests.services.endpoint import ACCOUNT, Endpoint, Statement, arn, document

NAME = "backup.example.com"
KEY_ID = new_access_key_id(ACCESS_KEY, INSTALLATION, secrets.token_bytes)
OPS = {"RoleArn": arn("role/ops"), "RoleSessionName": "night"}


def trusting(service: str, **elements: object) -> Statement:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}, **elements}


def registered() -> tuple[Endpoint, VerifiedCredential]:
    """The service's key, as it is for a call about the account."""
    endpoint = Endpoint()
    claims = endpoint.claims
    cause = endpoint.entries[0].cause
    claims.append([service_principals.register(claims.value, name=NAME, access_key_id=KEY_ID)], cause, endpoint.at)
    return endpoint, VerifiedCredential(ACCOUNT, KEY_ID, None, NAME)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_those_of_aws(partition: str) -> None:
    """Under the domain of the partition, in one Region too; names of others are none of AWS's."""
    known = ["ec2.amazonaws.com", "states.eu-central-1.amazonaws.com", "delivery.logs.amazonaws.com"]
    assert all(is_of_aws(name, partition) for name in (*known, "alexa-appkit.amazon.com"))
    assert is_of_aws("ec2.cn-north-1.amazonaws.com.cn", partition) is (partition == "aws-cn")
    unknown = ["ec3.amazonaws.com", "ec2.example.com", "amazonaws.com", "ec2.amazonaws.com.example.com", "ec2"]
    assert not any(is_of_aws(name, partition) for name in unknown)
    assert all(KNOWN_SERVICES.values())


def test_who_can_be_trusted() -> None:
    """A service that nobody knows is refused in AWS's words and with the command that registers it, when a role is
    created and when its trust is replaced; then it is taken."""
    endpoint = Endpoint()
    ops = {"RoleName": "ops", "AssumeRolePolicyDocument": document(trusting(NAME))}
    sentence = (
        r'^Invalid principal in policy: "SERVICE":"backup\.example\.com" '
        r"\(.* muniment service-principal register backup\.example\.com\)$"
    )
    with pytest.raises(MalformedPolicyDocument, match=sentence):
        endpoint.call(endpoint.root, "CreateRole", **ops)
    endpoint.role("ops", trusting("ec2.amazonaws.com"))
    replaced = {"RoleName": "ops", "PolicyDocument": document(trusting(NAME))}
    with pytest.raises(MalformedPolicyDocument, match=sentence):
        endpoint.call(endpoint.root, "UpdateAssumeRolePolicy", **replaced)
    endpoint, _ = registered()
    endpoint.call(endpoint.root, "CreateRole", **ops)
    endpoint.call(endpoint.root, "UpdateAssumeRolePolicy", **replaced)


def test_registering() -> None:
    """Once by a name, which has to be one; who is not registered cannot be deregistered."""
    installation = registered()[0].claims.value
    with pytest.raises(EntityAlreadyExists):
        service_principals.register(installation, name=NAME, access_key_id="AKIA1")
    for name in ("backup", "Backup.example.com", "a." * 127 + "com", "backup.example.com\n"):
        with pytest.raises(ValidationError):
            service_principals.register(installation, name=name, access_key_id="AKIA1")
    with pytest.raises(NoSuchEntity):
        service_principals.deregister(installation, name="other.example.com")


def test_a_service_assumes_a_role() -> None:
    """That trusts it; the call and the session stand in the role's account, and the decision comes out the same when it
    is made again from there."""
    endpoint, service = registered()
    key = endpoint.role("ops", trusting(NAME, Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}))
    endpoint.call(service, "AssumeRole", **OPS | {"RoleArn": key})
    issued = [entry.event for entry in endpoint.entries if isinstance(entry.event, SessionIssued)]
    assert [each.session.minted_by_access_key_id for each in issued] == [KEY_ID]
    entry, (decision,) = endpoint.entries[-1], endpoint.record.decisions
    assert entry.cause.principal is not None
    assert (entry.cause.principal.type, entry.cause.actor) == ("AWSService", NAME)
    again = reevaluate_decision(entry, decision, {ACCOUNT: endpoint.account}, None)
    assert again.agrees
    asked = again.check.request.context
    assert asked.get("aws:principalservicename") == (NAME,)
    absent = ("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid")
    assert [asked.get(key) for key in absent] == [None] * len(absent)


@pytest.mark.parametrize(
    "trust",
    [
        trusting("ec2.amazonaws.com"),
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}},
        trusting(NAME, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        trusting(NAME, Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
    ],
)
def test_a_role_that_does_not_trust_it(trust: Statement) -> None:
    """Not as everybody either, nor where it does not say for whom it calls. That there is no such role, or no such
    account, is told in the same words."""
    endpoint, service = registered()
    endpoint.role("ops", trust)
    for role_arn in (OPS["RoleArn"], arn("role/gone")):
        with pytest.raises(AccessDenied, match="no role trust policy allows"):
            endpoint.call(service, "AssumeRole", **OPS | {"RoleArn": role_arn})
    elsewhere = {"RoleArn": "arn:aws:iam::999999999999:role/ops"}
    with pytest.raises(AccessDenied, match="no role trust policy allows"):
        endpoint.call(replace(service, account_id="999999999999"), "AssumeRole", **OPS | elsewhere)


def test_its_key_is_for_nothing_else() -> None:
    """And for nothing at all when the service is deregistered, or registered anew."""
    endpoint, service = registered()
    homeless = replace(service, account_id=INSTALLATION)
    for operation in ("GetCallerIdentity", "ListUsers"):
        with pytest.raises(AccessDenied, match="sts:AssumeRole and nothing else"):
            endpoint.call(homeless, operation)
    endpoint.role("ops", trusting(NAME))
    other = replace(service, access_key_id="AKIAOTHEROTHEROTHERO")
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(other, "AssumeRole", **OPS)
    claims = endpoint.claims
    claims.append([service_principals.deregister(claims.value, name=NAME)], endpoint.entries[0].cause, endpoint.at)
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(service, "AssumeRole", **OPS)


def test_in_which_account_its_call_is() -> None:
    """In that of the role; what is about no role is about none."""
    key = VerifiedCredential(INSTALLATION, KEY_ID, None)
    for operation, parameters, account_id in (
        ("AssumeRole", {"role_arn": arn("role/ops")}, ACCOUNT),
        ("AssumeRole", {"role_arn": "nonsense"}, INSTALLATION),
        ("AssumeRole", {}, INSTALLATION),
        ("GetSessionToken", {"role_arn": arn("role/ops")}, INSTALLATION),
    ):
        assert credential_of_service(key, NAME, operation, parameters) == replace(
            key, account_id=account_id, service_name=NAME
        )


def test_for_whom_it_calls() -> None:
    """In headers, which are signed like all that begin with x-amz-; what is in no form is refused."""

    def of(**headers: str) -> RawRequest:
        written = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
        return RawRequest("POST", b"/", b"", written, b"")

    plan = f"arn:aws:backup:eu-central-1:{ACCOUNT}:plan/1"
    assert source_of_call(of()) == {}
    assert source_of_call(of(x_amz_source_account=ACCOUNT, x_amz_source_arn=plan)) == {
        "aws:sourceaccount": (ACCOUNT,),
        "aws:sourcearn": (plan,),
    }
    for bad in ({"x_amz_source_account": "1"}, {"x_amz_source_arn": "plan"}):
        with pytest.raises(ValidationError):
            source_of_call(of(**bad))
    with pytest.raises(ValidationError):
        source_of_call(of(x_amz_source_arn=plan + "x" * SOURCE_ARN_CHARACTERS_MAX))
