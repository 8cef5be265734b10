"""Every question that the native API is asked."""

from services.api.access import CanAssume, WhoCan
from services.api.access_between import CouldAssume, ListHeldPolicies, WhoCould
from services.api.answers import Answer
from services.api.containment import Contain
from services.api.credentials import ListCredentials
from services.api.decisions import ExplainDecision
from services.api.diff import Diff, ListChanges
from services.api.history import LookupHistory
from services.api.least_privilege import GetLeastPrivilege
from services.api.lineage import ShowLineage
from services.api.permissions import ListPermissions
from services.api.question import Question
from services.api.sessions import ListSessions, RevokeSession
from services.api.tracing import ListStillAlive, TraceCredential
from services.api.unusual import FindUnusual
from services.api.what_if import WhatIf

QUESTIONS: tuple[type[Question[Answer]], ...] = (
    LookupHistory,
    ListPermissions,
    ListSessions,
    ListCredentials,
    ExplainDecision,
    RevokeSession,
    ShowLineage,
    Contain,
    WhoCan,
    CanAssume,
    WhatIf,
    GetLeastPrivilege,
    WhoCould,
    CouldAssume,
    ListHeldPolicies,
    Diff,
    ListChanges,
    FindUnusual,
    TraceCredential,
    ListStillAlive,
)
