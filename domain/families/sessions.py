"""Sessions: what a temporary credential stands for, and which of them have been ended early."""

from datetime import datetime, timedelta

from immutables import Map

from domain.foundation.events import Change, Principal, Use, Value

LONGEST_SESSION = timedelta(hours=36)
"""GetSessionToken and GetFederationToken give the longest (STS API Reference)."""


class SessionPolicy(Value):
    """A policy passed when the session was asked for: a document, or a managed policy as it was then named."""

    document: str | None = None
    policy_arn: str | None = None


class Session(Value):
    """The claims of a session token. They travel sealed in the token; the ledger keeps no list of live sessions."""

    session_id: str
    access_key_id: str
    principal: Principal
    entity_id: str
    """The unique id of the role, or of the user (the account id for root), whose permissions count."""
    issued_at: datetime
    expires_at: datetime
    policies: tuple[SessionPolicy, ...] = ()
    minted_by_access_key_id: str
    minted_by_session_id: str | None = None
    """The session that asked for this one, when it was itself temporary (role chaining)."""


class SessionIssued(Use, topic="sts.session.issued.v1"):
    session: Session


class SessionRevoked(Change, topic="sts.session.revoked.v1"):
    """This one session is over from here on, whatever its token says."""

    session_id: str


class SessionExpired(Use, topic="sts.session.expired.v1"):
    """The session's time was over, and nobody had ended it before. Recorded afterwards: it was refused from
    `expired_at` on, recorded or not."""

    session_id: str
    access_key_id: str
    principal_arn: str
    expired_at: datetime


class SessionExpiriesRecorded(Change, topic="sts.session.expiries_recorded.v1"):
    """Of all sessions that expired at this time or before, it has been recorded. The account keeps no list of
    sessions: this mark is what makes each expiry recorded once."""

    up_to: datetime


Revocations = Map[str, datetime]
"""By session id: until when it has to be remembered."""


def evolve(revoked: Revocations, event: SessionRevoked, at: datetime) -> Revocations:
    """A revocation is forgotten when the longest session would have ended by itself."""
    remembered = {session_id: until for session_id, until in revoked.items() if until > at}
    return Map(remembered | {event.session_id: at + LONGEST_SESSION})


def is_revoked(revoked: Revocations, session_id: str, before: datetime) -> bool:
    """Whether the session was ended before that time."""
    until = revoked.get(session_id)
    return until is not None and until - LONGEST_SESSION < before


def expiries_recorded_until(up_to: datetime | None, event: SessionExpiriesRecorded) -> datetime:
    """How far expiries are recorded now."""
    if up_to is not None and event.up_to <= up_to:
        raise LookupError(f"Expiries were recorded up to {up_to}; {event.up_to} is no later.")
    return event.up_to
