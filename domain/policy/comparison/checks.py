"""Checks of policies as callers ask for them: of documents that nobody has read yet."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass

from domain.foundation.errors import InvalidParameterException, MalformedPolicyDocument, UnprocessableEntityException
from domain.policy.comparison.compare import Comparison, access_granted, new_access
from domain.policy.comparison.public import public_access
from domain.policy.decode import decoded
from domain.policy.document import Policy, PolicyType, parse

REASONS_SHOWN_MAX = 8
"""Of why it cannot be told, in one sentence."""


@dataclass(frozen=True, slots=True)
class PolicyCheck(ABC):
    """One that takes longer than a decision has. `type` is IDENTITY, or TRUST, or RESOURCE, which a trust policy is
    too where it is not told otherwise."""

    type: PolicyType
    document: str

    def compare(self) -> Comparison:
        """Raises InvalidParameterException for what is no policy of the type, and UnprocessableEntityException where
        nothing is known to be granted and cannot be told that nothing is."""
        found = self._compared(self._read("policy document", self.document, _actual_type(self.type, self.document)))
        if found.grants or found.passes:
            return found
        reasons = [f"statement {each.statement.index}: {each.reason}" for each in found.undecided]
        shown = "; ".join(reasons[:REASONS_SHOWN_MAX])
        more = f"; and {len(reasons) - REASONS_SHOWN_MAX} more" if len(reasons) > REASONS_SHOWN_MAX else ""
        raise UnprocessableEntityException("It cannot be told what the policy grants.", f"{shown}{more}")

    @abstractmethod
    def _compared(self, policy: Policy) -> Comparison: ...

    def _read(self, name: str, text: str, policy_type: PolicyType) -> Policy:
        try:
            return parse(text, policy_type)
        except MalformedPolicyDocument as refusal:
            raise InvalidParameterException(f"Invalid {name}: {refusal.sentence}", refusal.detail) from None


@dataclass(frozen=True, slots=True)
class NewAccessCheck(PolicyCheck):
    existing: str

    def _compared(self, policy: Policy) -> Comparison:
        return new_access(policy, self._read("existing policy document", self.existing, policy.type))


@dataclass(frozen=True, slots=True)
class AccessCheck(PolicyCheck):
    """For any of these actions on any of these resources; none are all."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def _compared(self, policy: Policy) -> Comparison:
        if not self.actions and not self.resources:
            raise InvalidParameterException("Invalid access: expected an action or a resource.")
        # What stands there is what stands in a statement.
        asked = {"Effect": "Allow", "Action": self.actions or "*", "Resource": self.resources or "*"}
        self._read("access", json.dumps({"Statement": asked}), PolicyType.IDENTITY)
        return access_granted(policy, self.actions, self.resources)


@dataclass(frozen=True, slots=True)
class PublicAccessCheck(PolicyCheck):
    def _compared(self, policy: Policy) -> Comparison:
        return public_access(policy)


@dataclass(frozen=True, slots=True)
class PolicyCheckFacts:
    comparison: Comparison


def _actual_type(policy_type: PolicyType, text: str) -> PolicyType:
    """A policy of a resource whose statements name none is that of a role."""
    if policy_type is not PolicyType.RESOURCE:
        return policy_type
    try:
        document = decoded(text)
    except MalformedPolicyDocument:
        return policy_type
    listed = document.get("Statement") if isinstance(document, dict) else None
    statements = listed if isinstance(listed, list) else [listed]
    names_some = any(isinstance(each, dict) and {"Resource", "NotResource"} & each.keys() for each in statements)
    return policy_type if names_some else PolicyType.TRUST
