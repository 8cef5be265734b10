"""The changes with which violations began and ended, or on which they rest."""

from collections.abc import Iterator, Mapping, Sequence

from domain.read_models.compliance import ViolationBound, ViolationInterval
from services.api.contract.compliance import ExplainedViolation
from services.api.contract.time_span import Occurrence
from services.api.handlers.handler import AnswerContext
from services.api.handlers.time_span import occurrence_of_entry


def with_changes(violations: Sequence[ViolationInterval], context: AnswerContext) -> list[ViolationInterval]:
    """With what was called at both ends, and what that did."""
    happened = _happened(violations, context)
    return [_told(each, happened) for each in violations]


def explained_violations(
    violations: Sequence[ViolationInterval], context: AnswerContext
) -> Iterator[ExplainedViolation]:
    happened = _happened(violations, context)
    for each in violations:
        opened, closed = _at_bound(each.opened, happened), _at_bound(each.closed, happened)
        assert opened is not None
        yield ExplainedViolation(violation=_told(each, happened), opened=opened, closed=closed)


def _happened(violations: Sequence[ViolationInterval], context: AnswerContext) -> Mapping[int, Occurrence]:
    """By position."""
    bounds = (bound for each in violations for bound in (each.opened, each.closed) if bound is not None)
    positions = {bound.position for bound in bounds if bound.position is not None}
    entries = context.past.changes_at(context.cursor, context.account_id, positions)
    return {position: occurrence_of_entry(entry) for position, entry in entries.items()}


def _at_bound(bound: ViolationBound | None, happened: Mapping[int, Occurrence]) -> Occurrence | None:
    return None if bound is None or bound.position is None else happened[bound.position]


def _told(violation: ViolationInterval, happened: Mapping[int, Occurrence]) -> ViolationInterval:
    bounds = {"opened": violation.opened, "closed": violation.closed}
    for name, bound in bounds.items():
        change = _at_bound(bound, happened)
        if bound is not None and change is not None:
            bounds[name] = bound.model_copy(update={"operation": change.operation, "event": change.event})
    return violation.model_copy(update=bounds)
