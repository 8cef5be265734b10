"""Sessions: what STS may hand out (https://docs.aws.amazon.com/STS/latest/APIReference/)."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from domain.account import Account
from domain.authorization import SET_SOURCE_IDENTITY, TAG_SESSION, authorize_assume_role, role_by_arn
from domain.callers import descent_of
from domain.calls import Call, NeedsAccounts
from domain.descent import DescentLink, known_descent, made, refuse_too_long
from domain.families.aws_managed_policies import find_policy, is_attachable
from domain.families.containment import containing
from domain.families.roles import Role
from domain.families.sessions import SessionClaims, SessionPolicy, SessionTag
from domain.foundation.errors import (
    AccessDenied,
    InvalidClientTokenId,
    MalformedPolicyDocument,
    ValidationError,
    constraint_violation,
)
from domain.foundation.events import Principal, SessionIssuer
from domain.foundation.identifiers import INSTALLATION, SESSION, SESSION_KEY, account_of_arn, new_access_key_id
from domain.policy import SESSION_POLICIES_CHARACTERS_MAX, PolicyType, parse_new
from domain.rules import session_tags

CHAINED_SESSION = timedelta(hours=1)
ROOT_SESSION = timedelta(hours=1)
SESSION_POLICY_ARNS_MAX = 10
MFA_JUST_GIVEN: Mapping[str, tuple[str, ...]] = {
    "aws:multifactorauthpresent": ("true",),
    "aws:multifactorauthage": ("0",),
}


def assume_role(
    account: Account,
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    duration: timedelta,
    policy: str | None,
    policy_arns: Sequence[str],
    external_id: str | None,
    tags: Sequence[tuple[str, str]] = (),
    transitive_tag_keys: Sequence[str] = (),
    source_identity: str | None = None,
    is_mfa_given: bool = False,
) -> SessionClaims:
    """The session, if the caller may have it. Whether the role exists is told to nobody who may not assume it. MFA that
    came with the call counts for this decision; the session does not have it (IAM User Guide, "Secure API access with
    MFA").

    The role, the session and its policies are of the account that the ARN names; where that is another one than the
    caller's, the call concerns it, refused or not.
    """
    owner = owner_of(account, call, role_arn)
    if call.caller.is_root:
        raise AccessDenied("Roles may not be assumed by root accounts.")
    calling = call.caller.session
    own_tags = session_tags.session_tags(tags, transitive_tag_keys, calling)
    identity = session_tags.source_identity(source_identity, calling)
    # What a session inherits, its caller has to be allowed to set too.
    besides = [*[TAG_SESSION] * bool(own_tags), *[SET_SOURCE_IDENTITY] * (identity is not None)]
    context = {"sts:rolesessionname": (role_session_name,), **call.source}
    context |= session_tags.tag_keys(tags, transitive_tag_keys)
    context |= {} if external_id is None else {"sts:externalid": (external_id,)}
    context |= {} if identity is None else {"sts:sourceidentity": (identity,)}
    context |= MFA_JUST_GIVEN if is_mfa_given else {}
    asked = role_to_assume(owner, role_arn)
    role = authorize_assume_role(account, owner, call, role_arn, asked, context, besides=besides)
    _refuse_too_long(call, role, duration)
    if containing(owner, lambda: made(owner, DescentLink(role.id)).joined(known_descent(owner, role.id))) is not None:
        raise AccessDenied(f"The role {role_arn} is contained: nobody can assume it until that is released.")
    return new_session(
        owner,
        call,
        minting=account,
        principal=Principal(
            type="AssumedRole",
            principal_id=f"{role.id}:{role_session_name}",
            arn=owner.arn(f"assumed-role/{role.name}/{role_session_name}", service="sts"),
            account_id=owner.id,
            issuer=SessionIssuer(type="Role", principal_id=role.id, arn=owner.arn(role.resource), user_name=role.name),
            session_issued_at=call.at,
            source_identity=identity,
        ),
        entity_id=role.id,
        duration=duration,
        policies=session_policies(owner, policy, policy_arns),
        tags=own_tags,
    )


def owner_of(account: Account, call: Call, arn: str) -> Account:
    """The account that the ARN names, which the call then concerns; the caller's where it names none."""
    owner_id = account_of_arn(arn)
    if owner_id in {None, account.id, INSTALLATION}:
        return account
    if missing := {owner_id, INSTALLATION} - call.ledgers.keys():
        raise NeedsAccounts(frozenset(missing))
    owner = call.account(owner_id)
    # A call about no account is recorded where nobody's are, so that it takes as long as one about an account.
    call.concerned.add(owner_id if owner.exists else INSTALLATION)
    return owner


def role_to_assume(account: Account, role_arn: str) -> Role | None:
    """The role that the ARN names; a closed account has none any more."""
    return role_by_arn(account, role_arn) if account.closed_at is None else None


def _refuse_too_long(call: Call, role: Role, duration: timedelta) -> None:
    if call.caller.principal.type == "AssumedRole" and duration > CHAINED_SESSION:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if duration.total_seconds() > role.session_seconds_max:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def refuse_oversized(policy: str | None, policy_arns: int) -> None:
    """What no account could let through. Raises ValidationError and PackedPolicyTooLarge."""
    if policy_arns > SESSION_POLICY_ARNS_MAX:
        constraint = f"Member must have length less than or equal to {SESSION_POLICY_ARNS_MAX}"
        raise constraint_violation("policyArns", constraint)
    if policy is not None and len(policy) > SESSION_POLICIES_CHARACTERS_MAX:
        most = SESSION_POLICIES_CHARACTERS_MAX
        detail = f"expected a session policy of at most {most} characters, got {len(policy)}"
        raise session_tags.too_large(math.ceil(100 * len(policy) / most), policies=True, tags=False, detail=detail)


def session_policies(account: Account, policy: str | None, policy_arns: Sequence[str]) -> tuple[SessionPolicy, ...]:
    """The policies that narrow a session. Of managed ones the ARNs count (API Reference, "AssumeRole", PolicyArns), as
    `packed_percent` has it, whatever length the documents have: these are in the ledger by their versions."""
    refuse_oversized(policy, len(policy_arns))
    for arn in policy_arns:
        managed = find_policy(account, arn)
        if managed is None or not is_attachable(managed):
            raise MalformedPolicyDocument(f"Policy {arn} does not exist or is not attachable.")
    if policy is not None:
        parse_new(policy, PolicyType.SESSION, account.partition)
    inline = () if policy is None else (SessionPolicy(document=policy),)
    return (*inline, *(SessionPolicy(policy_arn=arn) for arn in policy_arns))


def get_session_token(
    account: Account, call: Call, *, duration: timedelta, is_mfa_given: bool = False
) -> SessionClaims:
    """A session of the user itself, with the user's permissions. No policy is asked: AWS lets every user have one."""
    caller = call.caller
    if caller.session is not None:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    issued = caller.principal.model_copy(update={"session_issued_at": call.at, "mfa_authenticated": is_mfa_given})
    limited = min(duration, ROOT_SESSION) if caller.is_root else duration
    return new_session(
        account, call, minting=account, principal=issued, entity_id=caller.entity_id, duration=limited, policies=()
    )


def new_session(
    account: Account,
    call: Call,
    *,
    minting: Account,
    principal: Principal,
    entity_id: str,
    duration: timedelta,
    policies: tuple[SessionPolicy, ...],
    tags: tuple[SessionTag, ...] = (),
    assumed_root: bool | None = None,
) -> SessionClaims:
    """Of the account, for a caller of the minting one. Raises LimitExceeded when its descent is too long, and
    PackedPolicyTooLarge."""
    session_tags.packed_percent(policies, tags)
    parent, session_id = call.caller.session, call.unique_id(SESSION)
    access_key_id = new_access_key_id(SESSION_KEY, account.id, call.random)
    origin = DescentLink(access_key_id, call.caller.access_key_id, call.at, entity_id)
    descent = made(account, origin, descent_of(minting, call.caller))
    refuse_too_long(descent)
    return SessionClaims(
        session_id=session_id,
        access_key_id=access_key_id,
        principal=principal,
        entity_id=entity_id,
        issued_at=call.at,
        expires_at=call.at + duration,
        policies=policies,
        minted_by_access_key_id=call.caller.access_key_id,
        minted_by_session_id=None if parent is None else parent.session_id,
        tags=tags or None,
        assumed_root=assumed_root,
        descent=descent,
    )


def refuse_beyond_session_token(call: Call, service: str, operation: str) -> None:
    """Credentials of GetSessionToken call of STS only two operations, and of IAM none unless MFA was given; those of
    GetFederationToken one, and none (STS API Reference). What AssumeRoot gives, its task limits."""
    caller = call.caller
    if caller.session is None or caller.principal.type == "AssumedRole" or caller.is_assumed_root:
        return
    if service == "iam" and not caller.principal.mfa_authenticated:
        raise InvalidClientTokenId("The security token included in the request is invalid.")
    federated = caller.principal.type == "FederatedUser"
    if service == "sts" and operation not in (
        {"GetCallerIdentity"} if federated else {"AssumeRole", "GetCallerIdentity"}
    ):
        raise AccessDenied(f"Cannot call {operation} with session credentials")
