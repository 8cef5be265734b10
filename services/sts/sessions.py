"""STS's operations that hand out sessions."""

from collections.abc import Mapping
from datetime import timedelta

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.aws_managed_policies import adoption
from domain.families.containment import REACHED_ACCOUNTS, AccountReached
from domain.families.sessions import SessionClaims, SessionIssued
from domain.rules import sessions
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
    records="role_arn role_session_name duration_seconds policy policy_arns external_id",
    without="tags transitive_tag_keys serial_number token_code source_identity provided_contexts "
    "minimum_session_token_size",
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
) -> Outcome:
    given_arns = [given["arn"] for given in policy_arns or ()]
    session = sessions.assume_role(
        account,
        call,
        role_arn=role_arn,
        role_session_name=role_session_name,
        duration=timedelta(seconds=duration_seconds),
        policy=policy,
        policy_arns=given_arns,
        external_id=external_id,
    )
    principal = session.principal
    credentials = _credentials(call, session)
    owner_id = principal.account_id
    at_home = owner_id == account.id
    owner = account if at_home else call.account(owner_id)
    issued = [*adoption(owner, *given_arns), SessionIssued(session=session.recorded)]
    reached = [] if at_home or owner_id in account[REACHED_ACCOUNTS] else [AccountReached(reached=owner_id)]
    return Outcome(
        lambda _after: {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": principal.principal_id, "Arn": principal.arn},
        },
        events=issued if at_home else reached,
        elsewhere={} if at_home else {owner_id: issued},
    )


@answers(
    "GetSessionToken",
    service="sts",
    on=None,
    records="duration_seconds",
    without="serial_number token_code minimum_session_token_size",
)
def get_session_token(
    account: Account, call: Call, *, duration_seconds: int = GET_SESSION_TOKEN_SECONDS_DEFAULT
) -> Outcome:
    session = sessions.get_session_token(account, call, duration=timedelta(seconds=duration_seconds))
    credentials = _credentials(call, session)
    return Outcome(lambda _after: {"Credentials": credentials}, [SessionIssued(session=session.recorded)])


def _credentials(call: Call, session: SessionClaims) -> dict[str, object]:
    """The members of AWS's Credentials: the only place where the secret and the token are shown."""
    secret = call.secret_access_key()
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": secret,
        "SessionToken": call.seal_session(session, secret),
        "Expiration": session.expires_at,
    }
