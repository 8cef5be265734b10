"""Stories of credentials: who signs for what, in which ledger."""

from dataclasses import dataclass
from datetime import timedelta

import psycopg

from domain.families.access_keys import AccessKeyCreated
from domain.families.roles import RoleCreated
from domain.families.sessions import Session, SessionIssued
from domain.families.users import UserCreated
from domain.foundation.events import Cause, Event
from domain.foundation.moments import AsOf
from projections.queries.lineage import Lineage, trace_lineage
from tests.projections.histories import TRUST
from tests.projections.ledger import SECOND, Ledger, cause_of
from tests.projections.use_events import HOUR, role_principal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who signs in a story: by key, and by session if it is one."""

    ledger: Ledger
    access_key_id: str
    session_id: str | None = None

    @property
    def cause(self) -> Cause:
        return cause_of(self.ledger.account_id, access_key_id=self.access_key_id, session_id=self.session_id)

    def does(self, *events: Event, on: Ledger | None = None) -> int:
        """The position of the last event, in the ledger of its own account or of another one."""
        return (on or self.ledger).append(*events, cause=self.cause)

    def creates_user(self, name: str) -> int:
        return self.does(UserCreated(user_id=f"AIDA{name}", user_name=name, path="/"))

    def creates_role(self, name: str) -> int:
        created = RoleCreated(
            role_id=f"AROA{name}", role_name=name, path="/", session_seconds_max=3600, trust_policy=TRUST, trusted={}
        )
        return self.does(created)

    def creates_key(self, key_id: str, user: str) -> "Actor":
        self.does(AccessKeyCreated(access_key_id=key_id, user_id=f"AIDA{user}", user_name=user))
        return Actor(self.ledger, key_id)

    def assumes(self, role: str, session_id: str, *, of: Ledger | None = None, lasts: timedelta = HOUR) -> "Actor":
        owner = of or self.ledger
        at = owner.at + SECOND
        session = Session(
            session_id=session_id,
            access_key_id=f"ASIA{session_id}",
            principal=role_principal(owner.account_id, f"AROA{role}", role, session_id),
            entity_id=f"AROA{role}",
            issued_at=at,
            expires_at=at + lasts,
            minted_by_access_key_id=self.access_key_id,
            minted_by_session_id=self.session_id,
        )
        self.does(SessionIssued(session=session), on=owner)
        return Actor(owner, session.access_key_id, session_id)


def admin(ledger: Ledger) -> Actor:
    """Somebody whom no seed of these stories gave birth to."""
    return Actor(ledger, f"AKIAADMIN{ledger.account_id}")


def leaked(ledger: Ledger) -> Actor:
    admin(ledger).creates_user("ann")
    admin(ledger).creates_role("builder")
    return admin(ledger).creates_key(f"AKIALEAKED{ledger.account_id}", "ann")


def newest(reader: psycopg.Cursor, ledger: Ledger, seed: str) -> Lineage:
    return trace_lineage(reader, ledger.account_id, seed, AsOf(ledger.at))
