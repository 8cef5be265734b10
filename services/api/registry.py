"""Every question that the native API is asked."""

from services.api.access import CanAssume, WhoCan
from services.api.answers import Answer
from services.api.questions import (
    ExplainDecision,
    ListCredentials,
    ListPermissions,
    ListSessions,
    LookupHistory,
    Question,
    RevokeSession,
)

QUESTIONS: tuple[type[Question[Answer]], ...] = (
    LookupHistory,
    ListPermissions,
    ListSessions,
    ListCredentials,
    ExplainDecision,
    RevokeSession,
    WhoCan,
    CanAssume,
)
