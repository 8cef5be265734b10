"""Sessions whose time is over: recorded once each, whenever somebody comes by (docs/adr/0014)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.account import Account
from domain.families.sessions import EXPIRIES_RECORDED, REVOCATIONS, SessionExpired, SessionExpiriesRecorded, is_revoked
from domain.foundation.events import Event


class ExpiredSession(NamedTuple):
    """What is known of a session whose time is over."""

    session_id: str
    access_key_id: str
    principal_arn: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Expiries:
    """All sessions of an account that were seen to expire later than `after` and no later than the last of these."""

    sessions: Sequence[ExpiredSession]
    after: datetime | None
    """None: from the beginning."""
    seen_until: datetime
    """Every event of the account before this time was seen by whoever gathered the sessions."""


def expiry_events(account: Account, expiries: Expiries, at: datetime) -> list[Event]:
    """A use for each session that ended by its time, and one change that says how far that is recorded now.

    The mark must not pass a session that is missing here, whose expiry would then be recorded never:

    - one that expired before these. So nothing is recorded unless the mark has come to where they begin;
    - one that was not seen yet. It was issued at `seen_until` at the earliest, or a little before by a round that was
      under way, and lives for 900 seconds at least (STS API Reference, DurationSeconds): it ends later than
      `seen_until`, and that is as far as the mark goes.

    What was revoked before its time has not expired: it was over. A revocation that was not seen yet, of a session
    that was, is in the account; it remembers each for as long as any session lives.
    """
    mark = account[EXPIRIES_RECORDED]
    if expiries.after is not None and (mark is None or mark < expiries.after):
        return []
    until = min(at, expiries.seen_until)
    over = [
        session
        for session in expiries.sessions
        if session.expires_at <= until and (mark is None or mark < session.expires_at)
    ]
    by_time = [
        SessionExpired(
            session_id=session.session_id,
            access_key_id=session.access_key_id,
            principal_arn=session.principal_arn,
            expired_at=session.expires_at,
        )
        for session in over
        if not is_revoked(account[REVOCATIONS], session.session_id, before=session.expires_at)
    ]
    if not by_time:
        return []
    return [*by_time, SessionExpiriesRecorded(up_to=max(session.expires_at for session in over))]
