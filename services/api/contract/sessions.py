"""Sessions: those that were issued, and the end of one."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from domain.foundation.identifiers import SESSION, canonical_id
from domain.read_models.sessions import SessionDetails
from services.api.contract.question import Answer, Page, PagedHistoricalQuestion, Question, with_pattern

_SESSION_ID = rf"^{SESSION}[A-Z2-7]{{17}}$"


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
    ends_access = True

    session_id: Annotated[
        str,
        StringConstraints(pattern=_SESSION_ID),
        with_pattern(_SESSION_ID, f"A session id is {SESSION} and 17 letters and digits, as ListSessions tells it"),
        BeforeValidator(lambda given: canonical_id(given) if isinstance(given, str) else given),
    ]
