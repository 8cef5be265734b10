"""Policies that a principal held at a moment, and how."""

from dataclasses import dataclass

from domain.foundation.moments import EventRef


@dataclass(frozen=True, slots=True)
class GroupMembership:
    group_id: str
    group_name: str
    since: EventRef


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """A policy that counted at the moment, with the text that counted."""

    policy_name: str
    policy_arn: str | None
    """None for an inline policy."""
    version_id: str | None
    """The default version of a managed policy."""
    document: str
    since: EventRef
    """Attached, or put in its present text."""
    document_since: EventRef
    """The text counts: since its version was the default."""
    through: GroupMembership | None
    """The group that holds it."""
