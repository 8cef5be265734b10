"""STS's operations that hand out sessions."""

from collections.abc import Mapping
from datetime import timedelta

from domain.account import Account
from domain.calls import Call, Outcome, refused
from domain.families.containment import REACHED_ACCOUNTS, AccountReached
from domain.families.sessions import SessionClaims, SessionIssued
from domain.foundation.errors import Refusal
from domain.rules import sessions
from domain.rules.mfa_devices import given_mfa
from services.wire.operations import Parameters, answers

ASSUME_ROLE_SECONDS_DEFAULT = 3_600
GET_SESSION_TOKEN_SECONDS_DEFAULT = 43_200


def check_session_policies(parameters: Parameters) -> None:
    """Of the text as it was sent, before anything is decided or kept
    (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, Policy)."""
    sessions.refuse_oversized(parameters.get("policy"), len(parameters.get("policy_arns", ())))


@answers(
    "AssumeRole",
    service="sts",
    on=None,
    records="role_arn role_session_name duration_seconds policy policy_arns external_id serial_number",
    without="tags transitive_tag_keys source_identity provided_contexts minimum_session_token_size",
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
    serial_number: str | None = None,
    token_code: str | None = None,
) -> Outcome:
    mfa = given_mfa(call, account, serial_number, token_code)
    if mfa.refusal is not None:
        return refused(mfa.refusal, *mfa.events)
    try:
        session = sessions.assume_role(
            account,
            call,
            role_arn=role_arn,
            role_session_name=role_session_name,
            duration=timedelta(seconds=duration_seconds),
            policy=policy,
            policy_arns=[given["arn"] for given in policy_arns or ()],
            external_id=external_id,
            is_mfa_given=mfa.is_given,
        )
    except Refusal as refusal:
        # The code is used up all the same: whoever has seen it must not come with it again.
        if mfa.events:
            return refused(refusal, *mfa.events)
        raise
    principal = session.principal
    credentials = _credentials(call, session)
    issued, owner_id = [SessionIssued(session=session.recorded)], principal.account_id
    at_home = owner_id == account.id
    reached = [] if at_home or owner_id in account[REACHED_ACCOUNTS] else [AccountReached(reached=owner_id)]
    return Outcome(
        lambda _after: {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": principal.principal_id, "Arn": principal.arn},
        },
        events=[*mfa.events, *(issued if at_home else reached)],
        elsewhere={} if at_home else {owner_id: issued},
    )


@answers(
    "GetSessionToken",
    service="sts",
    on=None,
    records="duration_seconds serial_number",
    without="minimum_session_token_size",
)
def get_session_token(
    account: Account,
    call: Call,
    *,
    duration_seconds: int = GET_SESSION_TOKEN_SECONDS_DEFAULT,
    serial_number: str | None = None,
    token_code: str | None = None,
) -> Outcome:
    mfa = given_mfa(call, account, serial_number, token_code)
    if mfa.refusal is not None:
        return refused(mfa.refusal, *mfa.events)
    duration = timedelta(seconds=duration_seconds)
    session = sessions.get_session_token(account, call, duration=duration, is_mfa_given=mfa.is_given)
    credentials = _credentials(call, session)
    return Outcome(lambda _after: {"Credentials": credentials}, [*mfa.events, SessionIssued(session=session.recorded)])


def _credentials(call: Call, session: SessionClaims) -> dict[str, object]:
    """The members of AWS's Credentials: the only place where the secret and the token are shown."""
    secret = call.secret_access_key()
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": secret,
        "SessionToken": call.seal_session(session, secret),
        "Expiration": session.expires_at,
    }
