"""The policy language: documents, decisions on requests, and why. Usable by itself; it knows no account."""

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
    Statement,
    compiled,
    parse,
    policy_size,
)
from domain.policy.evaluate import Decision, Layer, Layers, Match, Request, Result, SourcedPolicy, evaluate
from domain.policy.explain import Explanation, Mismatch, Verdict, explain, reason
from domain.policy.principals import PrincipalName, RequestPrincipal
from domain.policy.variables import Context

__all__ = [
    "GROUP_INLINE_POLICIES_CHARACTERS_MAX",
    "MANAGED_POLICY_CHARACTERS_MAX",
    "ROLE_INLINE_POLICIES_CHARACTERS_MAX",
    "SESSION_POLICIES_CHARACTERS_MAX",
    "TRUST_POLICY_CHARACTERS_MAX",
    "USER_INLINE_POLICIES_CHARACTERS_MAX",
    "Context",
    "Decision",
    "Effect",
    "Explanation",
    "Layer",
    "Layers",
    "Match",
    "Mismatch",
    "Policy",
    "PolicyType",
    "PrincipalName",
    "Request",
    "RequestPrincipal",
    "Result",
    "SourcedPolicy",
    "Statement",
    "Verdict",
    "compiled",
    "evaluate",
    "explain",
    "parse",
    "policy_size",
    "reason",
]
