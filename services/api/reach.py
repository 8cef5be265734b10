"""What somebody can do, as the native API tells it: what each layer allows less what it denies, with the conditions."""

from collections.abc import Iterator, Mapping

from domain.account import Account
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.policy import Effect, Layer, Layers, SourcedPolicy, Statement
from domain.queries.access import permission_layers
from services.api.answers import Answer


class StatementName(Answer):
    """Where a statement stands: enough to find it again in the ledger."""

    layer: Layer
    source_type: str
    source_id: str
    version_id: str | None
    sha256: str
    """Of the document's text."""
    index: int
    sid: str | None
    effect: Effect

    @classmethod
    def of(cls, layer: Layer, sourced: SourcedPolicy, statement: Statement) -> "StatementName":
        return cls(
            layer=layer,
            source_type=sourced.source_type,
            source_id=sourced.source_id,
            version_id=sourced.version_id,
            sha256=sourced.policy.sha256,
            index=statement.index,
            sid=statement.sid,
            effect=statement.effect,
        )


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

    @classmethod
    def of(cls, layer: Layer, sourced: SourcedPolicy, statement: Statement) -> "StatementReach":
        conditions: dict[str, dict[str, tuple[str, ...]]] = {}
        for condition in statement.conditions:
            conditions.setdefault(condition.operator, {})[condition.key] = condition.wanted
        assert statement.resources is not None, "No trust policy is among what somebody can do."
        return cls(
            statement=StatementName.of(layer, sourced, statement),
            action=statement.actions.texts,
            not_action=statement.actions.negated,
            on=statement.resources.texts,
            not_on=statement.resources.negated,
            conditions=conditions,
        )


class LayerReach(Answer):
    """Of one layer: something may be done if each layer allows it and none denies it."""

    layer: Layer
    level: str | None
    """Of the organisation's layers, which root, unit or account."""
    allows: tuple[StatementReach, ...]
    denies: tuple[StatementReach, ...]


def reach(account: Account, entity_id: str) -> tuple[LayerReach, ...]:
    return tuple(_layers(account, permission_layers(account, entity_id)))


def _layers(account: Account, layers: Layers) -> Iterator[LayerReach]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = iter(() if membership is None else membership.levels)
    for layer, policies in layers:
        granted = [
            StatementReach.of(layer, sourced, statement)
            for sourced in policies
            for statement in sourced.policy.statements
        ]
        yield LayerReach(
            layer=layer,
            level=next(levels).id if layer is Layer.SCP else None,
            allows=tuple(each for each in granted if each.statement.effect is Effect.ALLOW),
            denies=tuple(each for each in granted if each.statement.effect is Effect.DENY),
        )
