"""Recorded calls decided once more, as if other policies had stood: which would have been refused, which allowed.

What comes out is exact for each call by itself: its recorded decisions, with their own times, addresses and condition
values, on the accounts as they were, but for the policies that are supposed. Two things are not modelled. A call that
was refused ended at its first refused decision: that it would be allowed means that no other refusal of it is known.
And nothing follows from what would have been different: a session that would not have been issued, or a user that would
not have been created, is there for the later calls as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from immutables import Map

from domain.account import Account
from domain.authorization import EVALUATOR, Check
from domain.call_context import ConditionValues, user_or_role_by_id
from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    Level,
    OrganizationMembership,
    OrganizationPolicy,
)
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES
from domain.families.sessions import Session
from domain.foundation.errors import AccessDenied
from domain.foundation.events import Cause, Entry
from domain.policy import Decision, Result, evaluate, reason, statement_context_keys
from domain.queries.reevaluation import CannotReevaluate, rebuild_check, rebuild_context, require_kept

HYPOTHETICAL_POLICY_NAME = "what if"
"""What the supposed policy is called. The space keeps it apart from every policy that there is: IAM takes none."""
_AS_IF_ROOT, _AS_IF_ORGANIZATION = "r-supposed", "o-supposed"


@dataclass(frozen=True, slots=True)
class PolicyAdded:
    """A policy more, of a user, group or role."""

    account_id: str
    entity_id: str
    document: str


@dataclass(frozen=True, slots=True)
class PoliciesReplaced:
    """The only policy of a user or role, which is in no group. Boundary, session policies and the organization's limit
    it as they did, and what the account's password policy grants to every user stays."""

    account_id: str
    entity_id: str
    document: str


@dataclass(frozen=True, slots=True)
class DocumentReplaced:
    """Another text of a managed policy, wherever the policy counts: attached, as a boundary, for a session."""

    account_id: str
    policy_arn: str
    document: str


@dataclass(frozen=True, slots=True)
class ControlPolicyAdded:
    """A service control policy more, at the root, a unit or the account. It limits every account that stands below.

    While the account is in no organization, it is as if it stood in one, with FullAWSAccess and this at its root. Then
    condition keys such as aws:PrincipalOrgID have a value, of which no policy can know."""

    account_id: str
    level_id: str
    document: str


HypotheticalChange = PolicyAdded | PoliciesReplaced | DocumentReplaced | ControlPolicyAdded


def apply_hypothetical(account: Account, supposition: HypotheticalChange) -> Account:
    """The account at the same position, as it would have been. It stays as it is where there is nothing, or nothing any
    more, that the supposition could be about."""
    if isinstance(supposition, ControlPolicyAdded):
        return _add_control_policy(account, supposition)
    if account.id != supposition.account_id:
        return account
    match supposition:
        case PolicyAdded():
            return _add_policy(account, supposition)
        case PoliciesReplaced():
            return _replace_policies(account, supposition)
        case DocumentReplaced():
            return _replace_document(account, supposition)
        case other:
            assert_never(other)


def _add_policy(account: Account, supposition: PolicyAdded) -> Account:
    entity_id = supposition.entity_id
    if entity_id not in account[GROUPS].by_id and user_or_role_by_id(account, entity_id) is None:
        return account
    own: Map[str, str] = account[INLINE_POLICIES].get(entity_id, Map())
    inline = account[INLINE_POLICIES].set(entity_id, own.set(HYPOTHETICAL_POLICY_NAME, supposition.document))
    return account.put(INLINE_POLICIES, inline)


def _replace_policies(account: Account, supposition: PoliciesReplaced) -> Account:
    entity_id = supposition.entity_id
    if user_or_role_by_id(account, entity_id) is None:
        return account
    only = account[INLINE_POLICIES].set(entity_id, Map({HYPOTHETICAL_POLICY_NAME: supposition.document}))
    account = account.put(INLINE_POLICIES, only)
    account = account.put(ATTACHMENTS, account[ATTACHMENTS].without(entity_id))
    return account.put(MEMBERSHIPS, account[MEMBERSHIPS].without(entity_id))


def _replace_document(account: Account, supposition: DocumentReplaced) -> Account:
    policy = account[MANAGED_POLICIES].get(supposition.policy_arn)
    if policy is None:
        return account
    version = replace(policy.default, document=supposition.document)
    policy = replace(policy, versions=policy.versions.set(version.number, version))
    return account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].set(policy.arn, policy))


def _add_control_policy(account: Account, supposition: ControlPolicyAdded) -> Account:
    added = OrganizationPolicy("p-supposed", HYPOTHETICAL_POLICY_NAME, supposition.document)
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is not None:
        if all(level.id != supposition.level_id for level in membership.levels):
            return account
        levels = tuple(
            replace(level, scps=(*level.scps, added)) if level.id == supposition.level_id else level
            for level in membership.levels
        )
        return account.put(ORGANIZATION_MEMBERSHIP, replace(membership, levels=levels))
    if account.id != supposition.account_id:
        return account
    root = Level(_AS_IF_ROOT, "Root", (FULL_AWS_ACCESS.policy, added), (RCP_FULL_AWS_ACCESS.policy,))
    # Some other account manages it: a service control policy does not concern the one that does.
    supposed = OrganizationMembership(_AS_IF_ORGANIZATION, management_account_id="", levels=(root,))
    return account.put(ORGANIZATION_MEMBERSHIP, supposed)


@dataclass(frozen=True, slots=True)
class CallToReplay:
    """What of a call in the ledger decides it again."""

    position: int
    at: datetime
    cause: Cause
    decisions: tuple[DecisionRecord, ...]
    counted: int = 0
    """So many calls, where refused ones were counted: of what they were decided from nothing is there."""
    was_denied: bool = False
    """Of those that were counted, whether it was policies that refused them."""

    @classmethod
    def of(cls, entry: Entry, called: ApiCalled | RefusalsCounted) -> "CallToReplay":
        if isinstance(called, RefusalsCounted):
            denied = called.error_code == AccessDenied.__name__
            return cls(entry.position, entry.at, entry.cause, (), called.count, denied)
        return cls(entry.position, entry.at, entry.cause, called.decisions)

    @property
    def calls(self) -> int:
        return self.counted or 1

    @property
    def was_allowed(self) -> bool:
        """By every policy that was asked, the first refusal being the last; what was answered is another matter."""
        return bool(self.decisions) and self.decisions[-1].result == "allowed"

    @property
    def by_other_evaluator(self) -> bool:
        """Whether another version of the evaluator decided: a difference may then be that of the versions."""
        return bool(self.decisions) and self.decisions[0].evaluator != EVALUATOR


class ReplayOutcome(StrEnum):
    UNCHANGED = "unchanged"
    REFUSED = "now refused"
    ALLOWED = "now allowed"
    WITHOUT_DECISION = "without decision"
    """No policy was asked: who calls GetCallerIdentity needs no permission, and some calls fail before."""
    UNDECIDABLE = "undecidable"
    """The ledger does not have, or does not have any more, what it was decided from."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What would have become of a call."""

    outcome: ReplayOutcome
    why: str = ""
    """Of one that changes or cannot be decided, in one sentence."""


_NOT_KEPT = ReplayResult(
    ReplayOutcome.UNDECIDABLE, "not kept: refused calls that were counted, not recorded one by one"
)
_UNCHANGED, _WITHOUT_DECISION = ReplayResult(ReplayOutcome.UNCHANGED), ReplayResult(ReplayOutcome.WITHOUT_DECISION)
DECISIONS_CACHED_MAX = 10_000
"""Decisions."""
_Kind = tuple[str | None, str | None, str, tuple[str, ...]]
"""Access key, session, action and resources."""
_Keys = tuple[str, ...]
"""Context keys, lower-cased."""
ValueOf = Callable[[str, int], Account]
"""The supposed account by its id and the position of its last change."""
SessionOf = Callable[[Cause], Session | None]
"""What was recorded when the caller's session was issued; None where there was none. It may raise CannotReevaluate."""


class CallReplayer:
    """Decides calls again, one after the other.

    As long as the account is the same value, a decision about the same action of the same credential on the same
    resource reads nothing else that may differ than the condition keys that the statements ask for: made with the same
    values of those, it is remembered."""

    def __init__(self, value_of: ValueOf, session_of: SessionOf) -> None:
        self._value_of = value_of
        self._session_of = session_of
        self._account: Account | None = None
        self._asked: dict[_Kind, _Keys] = {}
        """What the statements about the action ask for."""
        self._decisions: dict[tuple[_Kind, tuple[ConditionValues | None, ...]], Decision] = {}
        """By the values of those keys."""

    def of(self, call: CallToReplay) -> ReplayResult:
        """What would have become of it."""
        if call.counted and call.cause.principal is not None:
            return _NOT_KEPT
        if not call.decisions:
            return _WITHOUT_DECISION
        try:
            refusing = self._first_refusing(call)
        except CannotReevaluate as error:
            return ReplayResult(ReplayOutcome.UNDECIDABLE, str(error))
        if call.was_allowed == (refusing is None):
            return _UNCHANGED
        if refusing is None:
            last = call.decisions[-1]
            why = f"{last.action} on {last.resources[0]} was {last.result} and would be allowed"
            return ReplayResult(ReplayOutcome.ALLOWED, why)
        record, decision = refusing
        why = f"{record.action} on {record.resources[0]} would be refused {reason(decision, record.action)}"
        return ReplayResult(ReplayOutcome.REFUSED, why)

    def _first_refusing(self, call: CallToReplay) -> tuple[DecisionRecord, Decision] | None:
        session = self._session_of(call.cause)
        before: DecisionRecord | None = None
        for record in call.decisions:
            decision = self._decided(call, record, session)
            if decision.result in {Result.EXPLICITLY_DENIED, Result.TOO_COSTLY}:
                return record, decision
            if decision.result is Result.IMPLICITLY_DENIED and not _is_past_check(before, record):
                return record, decision
            before = record
        return None

    def _decided(self, call: CallToReplay, record: DecisionRecord, session: Session | None) -> Decision:
        require_kept(record)
        accounts = {account_id: self._value_of(account_id, at) for account_id, at in record.positions.items()}
        account = next(iter(accounts.values()))
        if record.as_of is not None or len(accounts) > 1 or account.position != record.positions[account.id]:
            past = None if record.as_of is None else self._value_of(account.id, record.as_of)
            check = rebuild_check(call.cause, call.at, record, accounts, session, past)
            return evaluate(check.layers, check.request)
        if account is not self._account or len(self._decisions) >= DECISIONS_CACHED_MAX:
            self._account, self._asked, self._decisions = account, {}, {}
        kind = (call.cause.access_key_id, call.cause.session_id, record.action, record.resources)
        asked = self._asked.get(kind)
        if asked is not None:
            values = _values(call, record, account, session, asked)
            found = self._decisions.get((kind, values))
            if found is not None:
                return found
        check = rebuild_check(call.cause, call.at, record, accounts, session)
        asked = self._asked[kind] = _context_keys_of(check)
        values = _values(call, record, account, session, asked)
        found = self._decisions[kind, values] = evaluate(check.layers, check.request)
        return found


def _is_past_check(before: DecisionRecord | None, record: DecisionRecord) -> bool:
    """Whether the policies of a past that was looked at were asked, once those of the present had allowed: they need
    not allow, only not deny."""
    if record.as_of is None or before is None:
        return False
    return (before.action, before.resources, before.as_of) == (record.action, record.resources, record.as_of)


def _context_keys_of(check: Check) -> _Keys:
    action = check.request.action.lower()
    statements = (each for _, policies in check.layers for sourced in policies for each in sourced.policy.about[action])
    return tuple(sorted({key for statement in statements for _, key in statement_context_keys(statement)}))


def _values(
    call: CallToReplay, record: DecisionRecord, account: Account, session: Session | None, asked: _Keys
) -> tuple[ConditionValues | None, ...]:
    if not asked:
        return ()
    return tuple(map(rebuild_context(call.cause, call.at, record, account, session).get, asked))
