"""Every question that the native API is asked."""

from services.api.contract.access import CanAssume, WhoCan
from services.api.contract.access_between import CouldAssume, ListAllHeldPolicies, ListHeldPolicies, WhoCould
from services.api.contract.access_reviews import (
    CloseAccessReview,
    DecideAccessReview,
    GetAccessReview,
    ListAccessReviews,
    StartAccessReview,
)
from services.api.contract.compliance import ExplainCompliance, GetComplianceReport, ListViolations, TryFramework
from services.api.contract.compliance_frameworks import (
    AdoptComplianceFramework,
    DropComplianceFramework,
    ListComplianceFrameworks,
    ShowComplianceFramework,
)
from services.api.contract.contained_lineages import ListContainedLineages, ReleaseLineage
from services.api.contract.containment import Contain
from services.api.contract.credentials import ListCredentials
from services.api.contract.decisions import ExplainDecision
from services.api.contract.diff import Diff, ListChanges
from services.api.contract.evidence import GetLongText, GetTransparencyLog, LocateEntries, ProveEntries, ProveEntry
from services.api.contract.exemptions import GrantExemption, ListExemptions, RevokeExemption
from services.api.contract.history import LookupHistory
from services.api.contract.key_rotations import (
    AdvanceKeyRotation,
    ListKeyRotations,
    ListKeysToRotate,
    RecordKeyHandover,
    StartKeyRotation,
    StopKeyRotation,
)
from services.api.contract.leak_reports import ReportLeakedKeys
from services.api.contract.least_privilege import GetLeastPrivilege
from services.api.contract.lifecycle_profiles import (
    ForecastLifecycle,
    RemoveLifecycleProfile,
    SetLifecycleProfile,
    ShowLifecycleProfile,
)
from services.api.contract.lineage import ShowLineage
from services.api.contract.notifications import (
    AddNotificationTarget,
    ListNotificationTargets,
    RemoveNotificationTarget,
    TestNotificationTarget,
)
from services.api.contract.permissions import ListPermissions
from services.api.contract.question import Answer, Question
from services.api.contract.sessions import ListSessions, RevokeSession
from services.api.contract.tracing import ListStillAlive, TraceCredential
from services.api.contract.trails import BeginTrail, ListTrailFiles, RotateTrailKey, SignTrailDigests
from services.api.contract.unusual import FindUnusual
from services.api.contract.what_if import WhatIf

QUESTIONS: tuple[type[Question[Answer]], ...] = (
    LookupHistory, ListPermissions, ListSessions, ListCredentials, ExplainDecision, RevokeSession, ShowLineage, Contain,
    WhoCan, CanAssume, WhatIf, GetLeastPrivilege, WhoCould, CouldAssume, ListHeldPolicies, ListAllHeldPolicies, Diff,
    ListChanges, FindUnusual, TraceCredential, ListStillAlive, ListContainedLineages, ReleaseLineage,
    ShowLifecycleProfile, SetLifecycleProfile, RemoveLifecycleProfile, ForecastLifecycle,
    ListExemptions, GrantExemption, RevokeExemption,
    StartKeyRotation, RecordKeyHandover, AdvanceKeyRotation, StopKeyRotation, ListKeyRotations, ListKeysToRotate,
    ReportLeakedKeys,
    AddNotificationTarget, ListNotificationTargets, RemoveNotificationTarget, TestNotificationTarget,
    GetComplianceReport, ListViolations, ExplainCompliance, TryFramework,
    ListComplianceFrameworks, ShowComplianceFramework, AdoptComplianceFramework, DropComplianceFramework,
    StartAccessReview, ListAccessReviews, GetAccessReview, DecideAccessReview, CloseAccessReview,
    GetTransparencyLog, LocateEntries, ProveEntry, ProveEntries, GetLongText,
    BeginTrail, ListTrailFiles, SignTrailDigests, RotateTrailKey,
)  # fmt: skip
