"""Statements of policies, as answers name them, and what they let through."""

from collections.abc import Mapping

from domain.policy import Effect, Layer
from services.api.contract.question import Answer


class StatementName(Answer):
    """Where a statement stands: enough to find it again in the ledger."""

    layer: Layer
    source_type: str
    source_id: str
    policy: str
    """For people, such as `inline policy deploying of role/deployer`."""
    version_id: str | None
    sha256: str
    """Of the document's text."""
    index: int
    sid: str | None
    effect: Effect


class StatementReach(Answer):
    """What one statement lets through, or does not."""

    statement: StatementName
    action: tuple[str, ...]
    not_action: bool
    """Whether all actions but these are meant."""
    on: tuple[str, ...]
    not_on: bool
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Values by key by operator, as the policy spells them."""


class LayerReach(Answer):
    """Of one layer: something may be done if each layer allows it and none denies it."""

    layer: Layer
    level: str | None
    """Of the organisation's layers, which root, unit or account."""
    allows: tuple[StatementReach, ...]
    denies: tuple[StatementReach, ...]
