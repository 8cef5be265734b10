"""The lineage of a credential: what was created with it, and what of that was alive at a moment."""

from typing import Literal

NODES_MAX = 10_000

LineageKind = Literal[
    "root", "user", "group", "role", "session", "access_key", "activation", "trust_policy", "policy", "policy_version",
    "policy_default", "inline_policy", "inline_policy_removed", "attachment", "detachment", "membership",
    "membership_removed", "password", "boundary", "boundary_removed",
]  # fmt: skip

LineageState = Literal[
    "active", "inactive", "expired", "revoked", "contained", "deleted", "replaced", "removed", "closed",
]  # fmt: skip

ACCESS_KINDS: frozenset[LineageKind] = frozenset({"session", "access_key", "activation", "user", "role"})
"""What somebody can act with, or as; a key that was activated has been let in by who did it. The rest are
changes, which a person has to judge."""
