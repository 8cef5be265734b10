"""A recorded decision, made once more from the ledger alone, with the reasons for it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account
from domain.authorization import (
    ASSUME_ROOT,
    Check,
    budget_of,
    check,
    check_assume_role,
    check_assume_root,
    is_of_role,
    statements_of,
)
from domain.call_context import CallContext, ConditionValues, user_or_role_by_id
from domain.callers import Caller
from domain.calls import CONTEXT_NOT_KEPT, MATCHED_MAX, Call, DecisionRecord
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.sessions import Session
from domain.foundation.events import Cause, Entry
from domain.policy import (
    Explanation,
    Layer,
    Result,
    StatementVerdict,
    explain,
    policy_kind,
    reason,
    statement_context_keys,
)
from domain.rules.sessions import role_to_assume

_OWNERS = frozenset({Layer.RCP, Layer.RESOURCE, Layer.TRUST})
"""Layers whose policies are those of the account that owns the resource, not of the caller's."""
_LEVELS = frozenset({Layer.RCP, Layer.SCP})


class CannotReevaluate(Exception):  # noqa: N818  says what was not done
    """The ledger does not have, or does not have any more, what a decision of it was made from."""


@dataclass(frozen=True, slots=True)
class Reevaluation:
    """A recorded decision beside the same one made now."""

    record: DecisionRecord
    check: Check
    explanation: Explanation

    @property
    def agrees(self) -> bool:
        """Whether it came out the same, by the same layer and statements, in whatever order. Where it did not, and the
        evaluator's version is the same, the ledger is no longer what it was."""
        decision, record = self.explanation.decision, self.record
        now, then = Counter(statements_of(decision)), Counter(record.matched)
        same = then <= now if len(record.matched) == MATCHED_MAX else then == now
        return same and (decision.result.value, decision.layer.value) == (record.result, record.layer)

    def account_of(self, layer: Layer) -> str:
        """Whose policies stand in the layer."""
        return self._account(layer).id

    def level_of(self, verdict: StatementVerdict) -> str | None:
        """The id of the root, the unit or the account that the policy is attached to, where an organization limits."""
        if verdict.layer not in _LEVELS:
            return None
        membership = self._account(verdict.layer)[ORGANIZATION_MEMBERSHIP]
        assert membership is not None
        above = sum(layer is verdict.layer for layer, _ in self.check.layers[: verdict.level])
        return membership.levels[above].id

    def asked_for(self, account_id: str) -> Mapping[str, ConditionValues]:
        """The condition keys that the account's policies ask for in statements about the action, as they spell them,
        and their values: none where the call does not have the key."""
        asked: dict[str, tuple[str, ConditionValues]] = {}
        for verdict in self.explanation.verdicts:
            if self.account_of(verdict.layer) == account_id:
                for key, context_key in statement_context_keys(verdict.statement):
                    asked.setdefault(context_key, (key, self.check.request.context.get(context_key) or ()))
        return dict(asked.values())

    def verdict(self, account_id: str) -> str:
        """One line: which statements allowed, or why it was denied, in AWS's words. Of other accounts' policies no
        Sid is told."""
        decision = self.explanation.decision
        if decision.result is not Result.ALLOWED:
            return f"denied {reason(decision, self.check.request.action)}"
        return f"allowed by the {policy_kind(decision.layer)} " + " and ".join(self._granting(account_id))

    def _account(self, layer: Layer) -> Account:
        return self.check.read[-1 if layer in _OWNERS else 0]

    def _granting(self, account_id: str) -> Iterator[str]:
        for layer, _, sourced, statement, _ in self.explanation.decision.matched:
            if layer is self.explanation.decision.layer:
                told = statement.sid is not None and self.account_of(layer) == account_id
                yield f"{sourced.name} statement {statement.index}" + (f" ({statement.sid})" if told else "")


def reevaluate_decision(
    entry: Entry,
    record: DecisionRecord,
    accounts: Mapping[str, Account],
    session: Session | None,
    past: Account | None = None,
) -> Reevaluation:
    """Decides again, from: the entry of the call, one of the decisions in it, the accounts that it names folded to its
    positions, what was recorded when the caller's session was issued, if it had one, and the caller's account as of
    the past that was looked at, if one was.

    Raises CannotReevaluate when these are not what the decision was made from.
    """
    check = rebuild_check(entry.cause, entry.at, record, accounts, session, past)
    return Reevaluation(record, check, explain(check.layers, check.request, budget_of(record.evaluator)))


def rebuild_check(
    cause: Cause,
    at: datetime,
    record: DecisionRecord,
    accounts: Mapping[str, Account],
    session: Session | None,
    past: Account | None = None,
) -> Check:
    """What was decided, brought together again. Raises CannotReevaluate."""
    require_kept(record)
    caller = _caller(cause, session)
    if record.as_of != (None if past is None else past.position):
        raise CannotReevaluate(f"The past that was looked at, up to position {record.as_of}, is not in the ledger.")
    for account_id, position in record.positions.items():
        if (folded := accounts[account_id].position) != position:
            raise CannotReevaluate(
                f"The decision was made when the last change of account {account_id} was {position}; in the ledger "
                f"the last one up to there is {folded}."
            )
    is_service = caller.service_name is not None
    account = accounts[next(iter(record.positions)) if is_service else caller.principal.account_id]
    if past is None and not caller.is_root and not is_service and user_or_role_by_id(account, caller.entity_id) is None:
        raise CannotReevaluate(
            f"In account {account.id} at position {account.position} there is no {caller.entity_id}, who made the call."
        )
    call = Call.to_check(caller, cause, at)
    (resource,) = record.resources
    owner = next((accounts[other] for other in record.positions if other != account.id), account)
    if record.action == ASSUME_ROOT:
        return check_assume_root(account, owner, call, resource, record.context)
    if not is_of_role(record.action, resource):
        return check(account, call, record.action, resource, record.context, past=past)
    role = role_to_assume(owner, resource)
    return check_assume_role(account, owner, call, resource, role, record.context, record.action)


def require_kept(record: DecisionRecord) -> None:
    """Raises CannotReevaluate where what the decision read was too long to be recorded."""
    if not record.is_kept:
        raise CannotReevaluate(why_not_kept(record))


def why_not_kept(record: DecisionRecord) -> str:
    """Of a decision that cannot be made again."""
    digest, size = record.context[CONTEXT_NOT_KEPT]
    return f"not kept: what it read of the call was too long ({int(size):,} bytes, SHA-256 {digest})"


def rebuild_context(
    cause: Cause, at: datetime, record: DecisionRecord, account: Account, session: Session | None
) -> CallContext:
    """What conditions could ask, as `rebuild_check` has it, of a decision about now that has read one account."""
    (resource,) = record.resources
    call = Call.to_check(_caller(cause, session), cause, at)
    return CallContext(call, account, account, resource, record.context)


def _caller(cause: Cause, session: Session | None) -> Caller:
    """Raises CannotReevaluate."""
    principal = cause.principal
    if principal is None or cause.access_key_id is None:
        raise CannotReevaluate("The call names no principal that a policy could have allowed or denied it.")
    if cause.session_id != (None if session is None else session.session_id):
        raise CannotReevaluate(
            f"What was recorded when the session {cause.session_id} was issued is not in the ledger."
        )
    return Caller(
        principal, principal.principal_id if session is None else session.entity_id, cause.access_key_id, session
    )
