"""The policy language: documents, decisions on requests, and why. Usable by itself; it knows no account."""

from domain.errors import MalformedPolicyDocument
from domain.policy.catalogue import ActionCatalogue, CatalogueAction, ResourceType, Service
from domain.policy.conditions import Condition
from domain.policy.decode import TEXT_CHARACTERS_MAX
from domain.policy.document import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    MANAGED_POLICY_CHARACTERS_MAX,
    RCP_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    SCP_CHARACTERS_MAX,
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
    size_of_new,
)
from domain.policy.elements import Patterns
from domain.policy.evaluate import Decision, Layer, Layers, Match, Request, Result, SourcedPolicy, evaluate
from domain.policy.explain import Explanation, Mismatch, Verdict, explain, keys_of, kind_of, reason
from domain.policy.lint import Finding, FindingType, lint
from domain.policy.positions import Path, Place, Positions, Span, positions
from domain.policy.possible import Knows, Open, Possibility, Possible, possible
from domain.policy.principals import Naming, PrincipalName, Principals, RequestPrincipal
from domain.policy.reachable import Reach, at_some_time, granting, reachable
from domain.policy.turning import TIME_KEYS, Turning, turning
from domain.policy.variables import Context, Variable

__all__ = [
    "GROUP_INLINE_POLICIES_CHARACTERS_MAX",
    "MANAGED_POLICY_CHARACTERS_MAX",
    "RCP_CHARACTERS_MAX",
    "ROLE_INLINE_POLICIES_CHARACTERS_MAX",
    "SCP_CHARACTERS_MAX",
    "SESSION_POLICIES_CHARACTERS_MAX",
    "TEXT_CHARACTERS_MAX",
    "TIME_KEYS",
    "TRUST_POLICY_CHARACTERS_MAX",
    "USER_INLINE_POLICIES_CHARACTERS_MAX",
    "ActionCatalogue",
    "CatalogueAction",
    "Condition",
    "Context",
    "Decision",
    "Effect",
    "Explanation",
    "Finding",
    "FindingType",
    "Knows",
    "Layer",
    "Layers",
    "MalformedPolicyDocument",
    "Match",
    "Mismatch",
    "Naming",
    "Open",
    "Path",
    "Patterns",
    "Place",
    "Policy",
    "PolicyType",
    "Positions",
    "Possibility",
    "Possible",
    "PrincipalName",
    "Principals",
    "Reach",
    "Request",
    "RequestPrincipal",
    "ResourceType",
    "Result",
    "Service",
    "SourcedPolicy",
    "Span",
    "Statement",
    "Turning",
    "Variable",
    "Verdict",
    "at_some_time",
    "compiled",
    "evaluate",
    "explain",
    "granting",
    "keys_of",
    "kind_of",
    "lint",
    "parse",
    "policy_size",
    "positions",
    "possible",
    "reachable",
    "reason",
    "size_of_new",
    "turning",
]
