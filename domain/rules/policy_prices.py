"""Policies that could only ever be too costly are refused when they are given (docs/adr/0039)."""

from collections.abc import Iterable

from domain.calls import require_read
from domain.foundation.errors import LimitExceeded
from domain.policy import BUDGET_STEPS, Layer, SourcedPolicy, least_steps


def refuse_unaffordable(holder: str, policies: Iterable[SourcedPolicy]) -> None:
    """Raises LimitExceeded where these policies together, all that the holder is to have, take more steps than a
    decision may whatever it calls, with values as short as can be; NeedsPolicies where they were not read lately."""
    policies = tuple(policies)
    require_read([(Layer.IDENTITY, policies)])
    steps = least_steps([sourced.policy for sourced in policies])
    if steps > BUDGET_STEPS:
        raise LimitExceeded(
            f"Cannot exceed quota for EvaluationStepsPerDecision: {BUDGET_STEPS}. To evaluate the policies that "
            f"{holder} would have takes at least {steps}, so that every call would be refused."
        )
