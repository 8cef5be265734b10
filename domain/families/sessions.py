"""Sessions: what a temporary credential stands for, and which of them have been ended early."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from immutables import Map

from domain.account import Account, AffectsNobody, Bookkeeping, Component
from domain.descent import Descent
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Principal, Use, Value
from domain.lineage_kinds import LineageKind

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


class SessionClaims(Session):
    """What a token holds, where the ledger has the session."""

    descent: Descent | None = None
    """None in tokens from before there was one."""

    @property
    def recorded(self) -> Session:
        return Session.model_construct(**{name: getattr(self, name) for name in Session.model_fields})


class SessionIssued(Use, topic="sts.session.issued.v1"):
    session: Session


Revocations = Map[str, datetime]
REVOCATIONS = Component[Revocations]("revoked_sessions", Map(), ids=lambda revoked: revoked)
"""By session id: until when it has to be remembered."""
EXPIRIES_RECORDED = Component[datetime | None]("expiries_recorded", None)
"""Of the sessions that expired up to here it has been recorded; None before the first."""
REVOCATION_FACT = FactKind("session revocation", "was made", "was forgotten")
LineageKind("session", "session {subject} of {acted_as}", gives_access=True)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject in account[REVOCATIONS]:
        yield Fact(REVOCATION_FACT, subject), FactValue(f"of {subject}", {})


def is_revoked(revoked: Revocations, session_id: str, before: datetime) -> bool:
    """Whether the session was ended before that time."""
    until = revoked.get(session_id)
    return until is not None and until - LONGEST_SESSION < before


class SessionRevoked(AffectsNobody, topic="sts.session.revoked.v1"):
    """This one session is over from here on, whatever its token says."""

    session_id: str
    sentence = "Session {session_id} was revoked."
    subject = "session_id"

    def fold(self, account: Account, at: datetime) -> Account:
        """A revocation is forgotten when the longest session would have ended by itself."""
        remembered = {session_id: until for session_id, until in account[REVOCATIONS].items() if until > at}
        return account.put(REVOCATIONS, Map(remembered | {self.session_id: at + LONGEST_SESSION}))


class SessionExpired(Use, topic="sts.session.expired.v1"):
    """The session's time was over, and nobody had ended it before. Recorded afterwards: it was refused from
    `expired_at` on, recorded or not."""

    session_id: str
    access_key_id: str
    principal_arn: str
    expired_at: datetime


class SessionExpiriesRecorded(Bookkeeping, topic="sts.session.expiries_recorded.v1"):
    """Of all sessions that expired at this time or before, it has been recorded. The account keeps no list of
    sessions: this mark is what makes each expiry recorded once."""

    up_to: datetime

    def fold(self, account: Account, at: datetime) -> Account:
        recorded = account[EXPIRIES_RECORDED]
        if recorded is not None and self.up_to <= recorded:
            raise LookupError(f"Expiries were recorded up to {recorded}; {self.up_to} is no later.")
        return account.put(EXPIRIES_RECORDED, self.up_to)

    def describe(self) -> str:
        return f"The ends of all sessions that expired up to {self.up_to.isoformat()} were recorded."
