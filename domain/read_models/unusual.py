"""What is unusual in an account's calls, with the calls that show it."""

from datetime import datetime
from enum import StrEnum

from domain.read_models.read_model import ReadModel

SILENT_DAYS_DEFAULT = 90

CALLS_PER_SESSION_MAX = 10_000
"""So many of a session's calls in the span are looked at, the first ones."""


class UnusualKind(StrEnum):
    """In the order in which they are told."""

    SEVERAL_ADDRESSES = "session from several addresses"
    SILENT_KEY = "silent key used"
    ROOT = "root used"


class EvidenceCall(ReadModel):
    position: int
    at: datetime
    request_id: str
    source_address: str | None
    user_agent: str | None
    service: str
    operation: str
    error_code: str | None


class Anomaly(ReadModel):
    kind: UnusualKind
    credential: str
    """A session id, or an access key id."""
    principal_arn: str
    position: int
    """Of the call that is unusual."""
    at: datetime
    silent_since: datetime | None
    calls: int
    evidence: tuple[EvidenceCall, ...]
