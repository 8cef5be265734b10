"""What credentials did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.foundation.moments import Moment


@dataclass(frozen=True, slots=True)
class CallTally:
    text: str | None
    """An address, a user agent, or an operation such as iam:CreateUser; None for the calls that had none."""
    first: Moment
    last: Moment
    answered: int
    refused: int


@dataclass(frozen=True, slots=True)
class CallTallies:
    rows: tuple[CallTally, ...] = ()
    count: int = 0
    """How many there are, with those that are left out."""


@dataclass(frozen=True, slots=True)
class TracedCall:
    position: int
    at: datetime
    request_id: str
    access_key_id: str
    session_id: str | None
    principal_arn: str | None
    """None where it was nobody's any more: the key was inactive, the session revoked or expired."""
    source_address: str | None
    user_agent: str | None
    service: str
    operation: str
    read_only: bool
    error_code: str | None
    error_message: str | None
    resources: Sequence[str]
    """What permission was asked for on."""
    requests: int = 1
    """More than one of calls that were refused alike and counted."""
