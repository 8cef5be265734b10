"""Sessions: those that were issued, and the end of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints, computed_field

from domain.account import Account
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Change
from domain.rules import sessions as rules
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import AsOf
from projections.queries.readable import require_readable
from projections.queries.sessions import issued_sessions
from services.api.answer_context import AnswerContext
from services.api.answers import Answer, Page
from services.api.page_markers import make_marker
from services.api.question import PagedHistoricalQuestion, Question, with_pattern

SQL = load_statements("services.api", "sessions.sql")
_SESSION_ID = rf"^{rules.SESSION}[A-Z2-7]{{17}}$"


class SessionDetails(Answer):
    position: int
    """At which it was issued."""
    session_id: str
    access_key_id: str
    principal_type: str
    principal_arn: str
    entity_id: str
    entity_arn: str
    minted_by_arn: str
    """Who asked for it, perhaps from another account."""
    minted_by_access_key_id: str
    minted_by_session_id: str | None
    issued_at: datetime
    expires_at: datetime
    source_address: str | None
    user_agent: str | None
    revoked_position: int | None
    revoked_at: datetime | None
    revoked_by: str | None
    orphaned_at: datetime | None
    """When its role or user was deleted before the session's time was over."""
    active: bool

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy does not know it
    @property
    def session_name(self) -> str | None:
        """As the caller of AssumeRole chose it."""
        return self.principal_arn.rsplit("/", 1)[-1] if self.principal_type == "AssumedRole" else None


class SessionsPage(Page):
    sessions: tuple[SessionDetails, ...]


class ListSessions(PagedHistoricalQuestion[SessionsPage]):
    """The sessions that were issued, in that order, or those that are alive."""

    path = "/v1/sessions"
    resource = "sessions"

    active: bool = False

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> SessionsPage:
        (after,) = self.place or (0,)
        size = self.limit
        found = issued_sessions(
            reader.cursor, account_id, as_of, active_only=self.active, after_position=after, limit=size
        )
        return SessionsPage(
            account_id=account_id,
            limit=size,
            marker=make_marker("ListSessions", found[-1].position) if len(found) == size else None,
            sessions=tuple(SessionDetails.model_validate(session) for session in found),
        )

    @classmethod
    def read(cls, body: bytes) -> SessionsPage:
        return SessionsPage.model_validate_json(body)


class RevokedSession(Answer):
    account_id: str
    session_id: str
    principal_arn: str
    revoked_position: int
    """From here on no decision honours the session."""
    revoked_at: datetime


class RevokeSession(Question[RevokedSession]):
    """Ends one session. Asked again it changes nothing."""

    method = "POST"
    path = "/v1/sessions/{session_id}/revoke"
    resource = "session/{session_id}"
    read_only = False

    session_id: Annotated[
        str,
        StringConstraints(pattern=_SESSION_ID),
        with_pattern(
            _SESSION_ID, f"A session id is {rules.SESSION} and 17 letters and digits, as ListSessions tells it"
        ),
    ]

    def changes(self, account: Account) -> Sequence[Change]:
        """The account keeps no list of live sessions, so any id that can be one is revoked: a session that was issued
        a moment ago, and that no table knows yet, must not slip through."""
        revoked = self.session_id in account.revoked_sessions
        return () if revoked else (rules.revoke_session(session_id=self.session_id),)

    def answered(self, reader: AnswerContext, account_id: str, _as_of: AsOf) -> RevokedSession:
        parameters = {"account_id": account_id, "session_id": self.session_id}
        require_readable(reader.cursor, "sessions")
        row = reader.cursor.execute(SQL["revoked"], parameters).fetchone()
        if row is None:
            raise NoSuchEntity(
                f"Account {account_id} has issued no session {self.session_id}. The revocation stands nevertheless."
            )
        return RevokedSession(
            account_id=account_id,
            session_id=self.session_id,
            principal_arn=row[0],
            revoked_position=row[1],
            revoked_at=row[2],
        )

    @classmethod
    def read(cls, body: bytes) -> RevokedSession:
        return RevokedSession.model_validate_json(body)
