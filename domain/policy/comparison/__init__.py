"""Policies as the sets of requests that they let through, compared (docs/adr/0060)."""

from domain.policy.comparison.checks import (
    AccessCheck,
    NewAccessCheck,
    PolicyCheck,
    PolicyCheckFacts,
    PublicAccessCheck,
)
from domain.policy.comparison.compare import (
    STEPS_MAX,
    Comparison,
    Undecided,
    WitnessedGrant,
    access_granted,
    new_access,
)
from domain.policy.comparison.public import public_access

__all__ = [
    "STEPS_MAX",
    "AccessCheck",
    "Comparison",
    "NewAccessCheck",
    "PolicyCheck",
    "PolicyCheckFacts",
    "PublicAccessCheck",
    "Undecided",
    "WitnessedGrant",
    "access_granted",
    "new_access",
    "public_access",
]
