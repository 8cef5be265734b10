"""Sessions: those that were issued, and the end of one."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints, computed_field

from domain.foundation.identifiers import SESSION
from services.api.contract.answer import Answer, Page
from services.api.contract.question import PagedHistoricalQuestion, Question, with_pattern

_SESSION_ID = rf"^{SESSION}[A-Z2-7]{{17}}$"


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
        with_pattern(_SESSION_ID, f"A session id is {SESSION} and 17 letters and digits, as ListSessions tells it"),
    ]
