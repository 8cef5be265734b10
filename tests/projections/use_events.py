"""Use events for tests of the trail and of sessions."""

from datetime import datetime, timedelta

from domain.calls import ApiCalled, UnauthenticatedCalled
from domain.families.sessions import Session, SessionIssued
from domain.foundation.events import Principal, SessionIssuer
from tests.projections.ledger import Ledger

HOUR = timedelta(hours=1)
CALLED = ApiCalled(read_only=True, parameters={"UserName": "ada"})
DENIED = ApiCalled(read_only=False, parameters={}, error_code="AccessDenied", error_message="no")


def role_principal(account_id: str, role_id: str, role: str, session: str) -> Principal:
    return Principal(
        type="AssumedRole",
        principal_id=f"{role_id}:{session}",
        arn=f"arn:aws:sts::{account_id}:assumed-role/{role}/{session}",
        account_id=account_id,
        issuer=SessionIssuer(
            type="Role", principal_id=role_id, arn=f"arn:aws:iam::{account_id}:role/{role}", user_name=role
        ),
    )


def issued(
    ledger: Ledger, session_id: str, *, entity_id: str = "AROAX", at: datetime, lasts: timedelta = HOUR
) -> SessionIssued:
    return SessionIssued(
        session=Session(
            session_id=session_id,
            access_key_id=f"ASIA{session_id}",
            principal=role_principal(ledger.account_id, entity_id, "builder", session_id),
            entity_id=entity_id,
            issued_at=at,
            expires_at=at + lasts,
            minted_by_access_key_id="AKIAMINTING",
        )
    )


def stranger(access_key_id: str | None = None, account_id: str | None = None) -> UnauthenticatedCalled:
    return UnauthenticatedCalled(
        error_code="InvalidClientTokenId",
        error_message="The security token included in the request is invalid.",
        claimed_access_key_id=access_key_id,
        claimed_account_id=account_id,
        count=1,
    )
