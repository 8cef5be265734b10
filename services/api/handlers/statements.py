"""What somebody can do, as the native API tells it: what each layer allows less what it denies, with the conditions."""

from collections.abc import Iterator

from domain.account import Account
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.policy import Effect, Layer, Layers, SourcedPolicy, Statement
from domain.queries.access import permission_layers
from services.api.contract.statements import LayerReach, StatementName, StatementReach


def statement_name(layer: Layer, sourced: SourcedPolicy, statement: Statement) -> StatementName:
    return StatementName(
        layer=layer,
        source_type=sourced.source_type,
        source_id=sourced.source_id,
        policy=sourced.title,
        version_id=sourced.version_id,
        sha256=sourced.policy.sha256,
        index=statement.index,
        sid=statement.sid,
        effect=statement.effect,
    )


def statement_reach(layer: Layer, sourced: SourcedPolicy, statement: Statement) -> StatementReach:
    conditions: dict[str, dict[str, tuple[str, ...]]] = {}
    for condition in statement.conditions:
        conditions.setdefault(condition.operator, {})[condition.key] = condition.wanted
    assert statement.resources is not None, "No trust policy is among what somebody can do."
    return StatementReach(
        statement=statement_name(layer, sourced, statement),
        action=statement.actions.texts,
        not_action=statement.actions.negated,
        on=statement.resources.texts,
        not_on=statement.resources.negated,
        conditions=conditions,
    )


def reach(account: Account, entity_id: str) -> tuple[LayerReach, ...]:
    return tuple(_layers(account, permission_layers(account, entity_id)))


def _layers(account: Account, layers: Layers) -> Iterator[LayerReach]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = iter(() if membership is None else membership.levels)
    for layer, policies in layers:
        granted = [statement_reach(layer, sourced, each) for sourced in policies for each in sourced.policy.statements]
        yield LayerReach(
            layer=layer,
            level=next(levels).id if layer is Layer.SCP else None,
            allows=tuple(each for each in granted if each.statement.effect is Effect.ALLOW),
            denies=tuple(each for each in granted if each.statement.effect is Effect.DENY),
        )
