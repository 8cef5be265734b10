"""What if other policies had stood: recorded calls, decided once more."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from domain.foundation.errors import ValidationError
from domain.policy import (
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    PolicyType,
    new_policy_size,
    parse_new,
)
from services.api.contract.question import Answer, NameText, Text
from services.api.contract.replay import ReplayedPart, ReplayQuestion, merge_contained

DOCUMENT_CHARACTERS_MAX = ROLE_INLINE_POLICIES_CHARACTERS_MAX
"""No policy of a principal is longer, and no service control policy."""

NOT_MODELLED = (
    "Each call is decided by itself: a call that was refused ended at its first refusal, so that no other is known, "
    "and what earlier calls would not have created is there for the later ones as it was."
)

PolicyText = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class ChangedCall(Answer):
    """A call that would have ended otherwise."""

    position: int
    at: datetime
    request_id: str
    why: str


class CallGroup(Answer):
    """The calls of one operation by one principal, of those on which policies were asked."""

    principal_arn: str
    """The role's, for its sessions."""
    service: str
    operation: str
    calls: int
    now_refused: int
    now_allowed: int
    first_changed: ChangedCall | None


class WhatIfPart(ReplayedPart):
    calls: int
    """All that are recorded, of principals and of the operator; the next five are parts of them."""
    unchanged: int
    now_refused: int
    now_allowed: int
    without_decision: int
    """No policy was asked, and none would have been."""
    undecidable: int
    """The ledger does not have any more what they were decided from."""
    undecidable_because: str | None
    """Of the first."""
    by_other_evaluator: int
    """Recorded by another version of the evaluator: what differs may do so for that reason."""
    groups: tuple[CallGroup, ...]
    """Those without a change too, so that answers add up."""
    not_modelled: str = NOT_MODELLED


class WhatIf(ReplayQuestion[WhatIfPart]):
    """Which of the calls would have been refused, and which allowed, if a policy had stood besides or instead."""

    method = "POST"
    path = "/v1/what-if"
    resource = "what-if"

    policy: PolicyText | None = None
    attach_to: NameText | None = None
    """A user, group or role, which would have had the policy besides."""
    in_place_of_all_of: NameText | None = None
    """A user or role, which would have had this policy only, and been in no group."""
    instead_of: NameText | None = None
    """The ARN of a managed policy, which would have had this text."""
    scp: PolicyText | None = None
    """A service control policy that would have stood besides."""
    attach_scp_to: Text | None = None
    """root, account, or the id of a root or unit above the account. The root, if not given."""
    include_contained: bool = True
    """Whether calls of contained credentials, and of what they gave birth to, count too."""

    @model_validator(mode="after")
    def _is_one_supposition(self) -> Self:
        where = [self.attach_to, self.in_place_of_all_of, self.instead_of]
        named = sum(name is not None for name in where)
        placed = named == (self.policy is not None) and (self.attach_scp_to is None or self.scp is not None)
        if (self.policy is None) == (self.scp is None) or not placed:
            raise ValidationError(
                "Suppose one thing: either policy with one of attach_to, in_place_of_all_of and instead_of, or scp, "
                "with attach_scp_to or without."
            )
        if self.policy is not None:
            _check(self.policy, PolicyType.IDENTITY)
        if self.scp is not None:
            _check(self.scp, PolicyType.SCP)
        return self


def _check(document: str, policy_type: PolicyType) -> None:
    """Raises MalformedPolicyDocument, and ValidationError for what is too long."""
    size = new_policy_size(document)
    if size > DOCUMENT_CHARACTERS_MAX:
        raise ValidationError(f"A policy has at most {DOCUMENT_CHARACTERS_MAX:,} characters; this has {size:,}.")
    parse_new(document, policy_type)


def merge_parts(parts: tuple[WhatIfPart, ...]) -> WhatIfPart:
    """One answer of several that follow one another."""
    first, last = parts[0], parts[-1]
    groups: dict[tuple[str, str, str], CallGroup] = {}
    for part in parts:
        for group in part.groups:
            key = (group.principal_arn, group.service, group.operation)
            groups[key] = _merge_groups(groups[key], group) if key in groups else group
    return WhatIfPart(
        account_id=first.account_id,
        since_position=first.since_position,
        until_position=last.until_position,
        stopped_position=last.stopped_position,
        clipped_to=first.clipped_to,
        calls=sum(part.calls for part in parts),
        unchanged=sum(part.unchanged for part in parts),
        now_refused=sum(part.now_refused for part in parts),
        now_allowed=sum(part.now_allowed for part in parts),
        without_decision=sum(part.without_decision for part in parts),
        undecidable=sum(part.undecidable for part in parts),
        undecidable_because=next((why for part in parts if (why := part.undecidable_because)), None),
        by_other_evaluator=sum(part.by_other_evaluator for part in parts),
        groups=tuple(groups.values()),
        contained=merge_contained(parts),
    )


def _merge_groups(earlier: CallGroup, later: CallGroup) -> CallGroup:
    return earlier.model_copy(
        update={
            "calls": earlier.calls + later.calls,
            "now_refused": earlier.now_refused + later.now_refused,
            "now_allowed": earlier.now_allowed + later.now_allowed,
            "first_changed": earlier.first_changed or later.first_changed,
        }
    )
