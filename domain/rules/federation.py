"""Federated users: sessions that a user or root hands to somebody it vouches for.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
"""

from collections.abc import Sequence
from datetime import timedelta

from domain.account import Account
from domain.authorization import TAG_SESSION, authorize
from domain.calls import Call
from domain.families.sessions import SessionClaims
from domain.foundation.errors import AccessDenied
from domain.foundation.events import Principal, SessionIssuer
from domain.rules import session_tags
from domain.rules.sessions import ROOT_SESSION, new_session, session_policies


def get_federation_token(
    account: Account,
    call: Call,
    *,
    name: str,
    duration: timedelta,
    policy: str | None,
    policy_arns: Sequence[str],
    tags: Sequence[tuple[str, str]],
) -> SessionClaims:
    """May only be had with long-term credentials. Raises AccessDenied, what `session_policies` raises, ValidationError
    and PackedPolicyTooLarge."""
    caller, arn = call.caller, account.arn(f"federated-user/{name}", service="sts")
    if caller.session is not None:
        raise AccessDenied("Cannot call GetFederationToken with session credentials")
    context = session_tags.tag_keys(tags)
    for action in ("sts:GetFederationToken", *[TAG_SESSION] * bool(tags)):
        authorize(account, call, action, arn, context)
    vouching = caller.principal
    return new_session(
        account,
        call,
        minting=account,
        principal=Principal(
            type="FederatedUser",
            principal_id=f"{account.id}:{name}",
            arn=arn,
            account_id=account.id,
            issuer=SessionIssuer(
                type="Root" if caller.is_root else "User",
                principal_id=vouching.principal_id,
                arn=vouching.arn,
                user_name=vouching.user_name,
            ),
            session_issued_at=call.at,
        ),
        entity_id=caller.entity_id,
        duration=min(duration, ROOT_SESSION) if caller.is_root else duration,
        policies=session_policies(account, policy, policy_arns),
        tags=session_tags.session_tags(tags, (), None),
    )
