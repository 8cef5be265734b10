"""Sessions: what a temporary credential stands for, and which of them have been ended early."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from immutables import Map

from domain.account import Account, AffectsNobody, Bookkeeping, Component
from domain.descent import Descent
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Principal, Use, Value
from domain.foundation.personal import Personal
from domain.lineage_kinds import LineageKind

LONGEST_SESSION = timedelta(hours=36)
"""GetSessionToken and GetFederationToken give the longest (STS API Reference)."""


class SessionPolicy(Value):
    """A policy passed when the session was asked for: a document, or a managed policy as it was then named."""

    document: str | None = None
    policy_arn: str | None = None


class SessionTag(Value):
    key: str
    value: str
    transitive: bool = False
    """Whether sessions that are asked for with this one inherit it."""


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
    tags: Personal[tuple[SessionTag, ...] | None] = None
    """Those that it was given, and inherited ones; None where there are none."""
    assumed_root: bool | None = None
    """True of one that AssumeRoot gave: its only policy is that of its task."""


class SessionClaims(Session):
    """What a token holds, where the ledger has the session."""

    descent: Descent | None = None
    """None in tokens from before there was one."""

    @property
    def recorded(self) -> Session:
        return Session.model_construct(**{name: getattr(self, name) for name in Session.model_fields})


class SessionIssued(Use, topic="sts.session.issued.v1"):
    session: Session


_NONE: Map[str, datetime] = Map()


@dataclass(frozen=True, slots=True)
class Revocations(Collection[str]):
    """The ids of sessions that were ended early, each until the longest session would have ended by itself, and for as
    long again at most. A whole generation is forgotten at once: no step looks through what is there."""

    newer_since: datetime | None = None
    """When the first of the newer ones was revoked."""
    newer: Map[str, datetime] = _NONE
    """By session id: when it was revoked."""
    older: Map[str, datetime] = _NONE
    """Those before."""

    def add(self, session_id: str, at: datetime) -> "Revocations":
        """With another one, which is no earlier. One that is revoked twice was over the first time."""
        if session_id in self:
            return self
        if self.newer_since is not None and at - self.newer_since < LONGEST_SESSION:
            return Revocations(self.newer_since, self.newer.set(session_id, at), self.older)
        return Revocations(at, _NONE.set(session_id, at), self.newer)

    def revoked_at(self, session_id: str) -> datetime | None:
        return self.newer.get(session_id) or self.older.get(session_id)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self.newer or session_id in self.older

    def __iter__(self) -> Iterator[str]:
        yield from self.older
        yield from self.newer

    def __len__(self) -> int:
        return len(self.older) + len(self.newer)


REVOCATIONS = Component[Revocations]("revoked_sessions", Revocations(), ids=lambda revoked: revoked)
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
    at = revoked.revoked_at(session_id)
    return at is not None and at < before


class SessionRevoked(AffectsNobody, topic="sts.session.revoked.v1"):
    """This one session is over from here on, whatever its token says."""

    session_id: str
    sentence = "Session {session_id} was revoked."
    subject = "session_id"

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(REVOCATIONS, account[REVOCATIONS].add(self.session_id, at))


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
