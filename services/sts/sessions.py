"""STS's operations that hand out sessions."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from domain.account import Account
from domain.calls import Call, Outcome, refused
from domain.families.aws_managed_policies import adoption
from domain.families.containment import REACHED_ACCOUNTS, AccountReached
from domain.families.sessions import SessionClaims, SessionIssued
from domain.foundation.errors import Refusal, ValidationError
from domain.foundation.events import Event
from domain.rules import federation, root_sessions, sessions
from domain.rules.mfa_devices import given_mfa
from domain.rules.session_tags import packed_percent
from services.wire.operations import Parameters, answers

ASSUME_ROLE_SECONDS_DEFAULT = 3_600
GET_SESSION_TOKEN_SECONDS_DEFAULT = 43_200
ASSUME_ROOT_SECONDS_DEFAULT = 900
TOKEN_CHARACTERS_MAX = 4_096
"""What AWS allows (AWS What's New, 15 September 2026, "AWS STS")."""
Members = dict[str, object]


def check_session_policies(parameters: Parameters) -> None:
    """Of the text as it was sent, before anything is decided or kept
    (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, Policy)."""
    sessions.refuse_oversized(parameters.get("policy"), len(parameters.get("policy_arns", ())))


@answers(
    "AssumeRole",
    service="sts",
    on=None,
    records="role_arn role_session_name duration_seconds policy policy_arns external_id tags transitive_tag_keys "
    "source_identity serial_number minimum_session_token_size",
    check_sizes=check_session_policies,
)
def assume_role(
    account: Account,
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    duration_seconds: int = ASSUME_ROLE_SECONDS_DEFAULT,
    policy: str | None = None,
    policy_arns: list[Mapping[str, str]] | None = None,
    external_id: str | None = None,
    tags: list[Mapping[str, str]] | None = None,
    transitive_tag_keys: list[str] | None = None,
    source_identity: str | None = None,
    provided_contexts: list[Mapping[str, str]] | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int = 0,
) -> Outcome:
    if provided_contexts is not None:
        # AWS takes those that its IAM Identity Center had it sign, and from no other provider.
        raise ValidationError(
            "ProvidedContexts: no context provider is known here, so that no trusted context assertion can be valid."
        )
    mfa = given_mfa(call, account, serial_number, token_code)
    if mfa.refusal is not None:
        return refused(mfa.refusal, *mfa.events)
    given_arns = [given["arn"] for given in policy_arns or ()]
    try:
        session = sessions.assume_role(
            account,
            call,
            role_arn=role_arn,
            role_session_name=role_session_name,
            duration=timedelta(seconds=duration_seconds),
            policy=policy,
            policy_arns=given_arns,
            external_id=external_id,
            tags=[(tag["key"], tag["value"]) for tag in tags or ()],
            transitive_tag_keys=transitive_tag_keys or (),
            source_identity=source_identity,
            is_mfa_given=mfa.is_given,
        )
    except Refusal as refusal:
        # The code is used up all the same: whoever has seen it must not come with it again.
        if mfa.events:
            return refused(refusal, *mfa.events)
        raise
    principal = session.principal
    user = {"AssumedRoleUser": {"AssumedRoleId": principal.principal_id, "Arn": principal.arn}}
    answer = {**members(call, session, minimum_session_token_size), **user, **source_identity_of(session)}
    return issued(account, call, session, answer, before=mfa.events, policy_arns=given_arns)


@answers("GetSessionToken", service="sts", on=None, records="duration_seconds serial_number minimum_session_token_size")
def get_session_token(
    account: Account,
    call: Call,
    *,
    duration_seconds: int = GET_SESSION_TOKEN_SECONDS_DEFAULT,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int = 0,
) -> Outcome:
    mfa = given_mfa(call, account, serial_number, token_code)
    if mfa.refusal is not None:
        return refused(mfa.refusal, *mfa.events)
    duration = timedelta(seconds=duration_seconds)
    session = sessions.get_session_token(account, call, duration=duration, is_mfa_given=mfa.is_given)
    return issued(account, call, session, members(call, session, minimum_session_token_size), before=mfa.events)


@answers(
    "GetFederationToken",
    service="sts",
    on=None,
    records="name policy policy_arns duration_seconds tags minimum_session_token_size",
    check_sizes=check_session_policies,
)
def get_federation_token(
    account: Account,
    call: Call,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: list[Mapping[str, str]] | None = None,
    duration_seconds: int = GET_SESSION_TOKEN_SECONDS_DEFAULT,
    tags: list[Mapping[str, str]] | None = None,
    minimum_session_token_size: int = 0,
) -> Outcome:
    given_arns = [given["arn"] for given in policy_arns or ()]
    session = federation.get_federation_token(
        account,
        call,
        name=name,
        duration=timedelta(seconds=duration_seconds),
        policy=policy,
        policy_arns=given_arns,
        tags=[(tag["key"], tag["value"]) for tag in tags or ()],
    )
    principal = session.principal
    user = {"FederatedUser": {"FederatedUserId": principal.principal_id, "Arn": principal.arn}}
    return issued(
        account, call, session, {**members(call, session, minimum_session_token_size), **user}, policy_arns=given_arns
    )


@answers(
    "AssumeRoot",
    service="sts",
    on=None,
    records="target_principal task_policy_arn duration_seconds minimum_session_token_size",
)
def assume_root(
    account: Account,
    call: Call,
    *,
    target_principal: str,
    task_policy_arn: Mapping[str, str],
    duration_seconds: int = ASSUME_ROOT_SECONDS_DEFAULT,
    minimum_session_token_size: int = 0,
) -> Outcome:
    session = root_sessions.assume_root(
        account,
        call,
        target_principal=target_principal,
        task_policy_arn=task_policy_arn.get("arn", ""),
        duration=timedelta(seconds=duration_seconds),
    )
    return issued(
        account, call, session, {**members(call, session, minimum_session_token_size), **source_identity_of(session)}
    )


def issued(
    account: Account,
    call: Call,
    session: SessionClaims,
    answer: Members,
    *,
    before: Sequence[Event] = (),
    policy_arns: Sequence[str] = (),
) -> Outcome:
    """In the ledger of the account whose session it is, which the caller's remembers to have reached, behind what that
    has not of the session's managed policies. `before` are events of the caller's account that the session follows."""
    owner_id = session.principal.account_id
    at_home = owner_id == account.id
    owner = account if at_home else call.account(owner_id)
    events = [*adoption(owner, *policy_arns), SessionIssued(session=session.recorded)]
    reached = [] if at_home or owner_id in account[REACHED_ACCOUNTS] else [AccountReached(reached=owner_id)]
    return Outcome(
        lambda _after: answer,
        events=[*before, *(events if at_home else reached)],
        elsewhere={} if at_home else {owner_id: events},
    )


def members(call: Call, session: SessionClaims, characters_min: int) -> Members:
    """The members that all such answers have alike: the only place where the secret and the token are shown."""
    secret = call.secret_access_key()
    token = call.seal_session(session, secret, characters_min)
    packed = packed_percent(() if session.assumed_root else session.policies, session.tags or ())
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": session.expires_at,
        },
        "SessionTokenUtilization": math.ceil(100 * len(token) / TOKEN_CHARACTERS_MAX),
        "SessionTokenSize": len(token),
        **({} if packed is None else {"PackedPolicySize": packed}),
    }


def source_identity_of(session: SessionClaims) -> Members:
    identity = session.principal.source_identity
    return {} if identity is None else {"SourceIdentity": identity}
