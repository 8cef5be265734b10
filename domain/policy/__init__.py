"""The policy language: documents, and decisions on requests. Usable by itself; it knows no account."""

from domain.policy.document import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    MANAGED_POLICY_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    SESSION_POLICIES_CHARACTERS_MAX,
    TRUST_POLICY_CHARACTERS_MAX,
    USER_INLINE_POLICIES_CHARACTERS_MAX,
    Effect,
    Policy,
    PolicyType,
    compiled,
    parse,
    policy_size,
)
from domain.policy.evaluate import (
    Decision,
    Layer,
    MatchedStatement,
    Request,
    RequestPrincipal,
    Result,
    SourcedPolicy,
    evaluate,
)
from domain.policy.explain import Explanation, Mismatch, explain, reason

__all__ = [
    "GROUP_INLINE_POLICIES_CHARACTERS_MAX",
    "MANAGED_POLICY_CHARACTERS_MAX",
    "ROLE_INLINE_POLICIES_CHARACTERS_MAX",
    "SESSION_POLICIES_CHARACTERS_MAX",
    "TRUST_POLICY_CHARACTERS_MAX",
    "USER_INLINE_POLICIES_CHARACTERS_MAX",
    "Decision",
    "Effect",
    "Explanation",
    "Layer",
    "MatchedStatement",
    "Mismatch",
    "Policy",
    "PolicyType",
    "Request",
    "RequestPrincipal",
    "Result",
    "SourcedPolicy",
    "compiled",
    "evaluate",
    "explain",
    "parse",
    "policy_size",
    "reason",
]
