"""The policy language: documents, decisions on requests, and why. Usable by itself; it knows no account."""

from domain.foundation.errors import MalformedPolicyDocument
from domain.foundation.identifiers import PARTITION
from domain.policy.catalogue import ActionCatalogue, CatalogueAction, ResourceType, Service
from domain.policy.conditions import Condition
from domain.policy.decode import TEXT_CHARACTERS_MAX, new_policy_size, policy_size
from domain.policy.differences import (
    StatementDifference,
    StatementText,
    document_differences,
    listing_change,
    say_the_same,
    statement_differences,
)
from domain.policy.document import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    MANAGED_POLICY_CHARACTERS_MAX,
    POLICY_TYPES,
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
)
from domain.policy.elements import Patterns
from domain.policy.evaluate import Decision, Excess, Layer, Layers, Match, Request, Result, SourcedPolicy, evaluate
from domain.policy.explain import (
    Explanation,
    Mismatch,
    StatementVerdict,
    explain,
    policy_kind,
    reason,
    statement_context_keys,
)
from domain.policy.lint import Finding, FindingType, lint
from domain.policy.outside_grants import OutsideGrant, outside_grants
from domain.policy.partial import KnownKeys, PartialDecision, Possibility, Residual, evaluate_partial
from domain.policy.positions import Path, Position, Positions, Span, positions, rename_principals
from domain.policy.prices import BUDGET_STEPS, least_steps
from domain.policy.principals import Naming, PrincipalName, Principals, RequestPrincipal
from domain.policy.reach import Reach, granting_patterns, merge_reaches, reachable
from domain.policy.saving import PARTITIONS, parse_new
from domain.policy.sentences import invalid_principal
from domain.policy.statement_texts import written_out
from domain.policy.time_boundaries import TIME_KEYS, TimeBoundaries, time_boundaries
from domain.policy.variables import RequestContext, Variable
