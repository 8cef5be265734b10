"""Going through recorded calls for an answer, as far as one answer goes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.account import Account
from domain.call_context import principal_arn_of
from domain.families.groups import GROUPS
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.policies import MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import InvalidInput, NoSuchEntity, ValidationError
from domain.queries.held_between import find_holders
from domain.queries.least_privilege import LeastPrivilege, UsedPermission, least_privilege
from domain.queries.what_if import (
    CallReplayer,
    CallToReplay,
    ControlPolicyAdded,
    DocumentReplaced,
    HypotheticalChange,
    PoliciesReplaced,
    PolicyAdded,
    ReplayOutcome,
    ReplayResult,
)
from services.action_catalogue import CATALOGUE
from services.api import what_if
from services.api.answer_context import AnswerContext
from services.api.least_privilege import CoveringPolicy, GetLeastPrivilege, LeastPrivilegePart, UsedAction
from services.api.replay_question import ReplayRange
from services.ledger.call_replay import CallReplay, HypotheticalStates

GROUPS_AN_ANSWER_MAX = 1_000
USED_AN_ANSWER_MAX = 5_000
"""Actions on a resource each. An answer ends before the call that would bring one more."""

GroupKey = tuple[str, str, str]


@dataclass(slots=True)
class _GroupCounts:
    calls: int = 0
    now_refused: int = 0
    now_allowed: int = 0
    first_changed: what_if.ChangedCall | None = None


@dataclass(slots=True)
class _Counts:
    groups: dict[GroupKey, _GroupCounts] = field(default_factory=dict)
    calls: int = 0
    without_decision: int = 0
    undecidable: int = 0
    undecidable_because: str | None = None
    by_other_evaluator: int = 0

    def has_room(self, key: GroupKey) -> bool:
        return key in self.groups or len(self.groups) < GROUPS_AN_ANSWER_MAX

    def add(self, key: GroupKey, call: CallToReplay, made: ReplayResult) -> None:
        """One on which policies were asked."""
        group = self.groups.setdefault(key, _GroupCounts())
        group.calls += 1
        self.by_other_evaluator += call.by_other_evaluator
        if made.outcome is ReplayOutcome.UNCHANGED:
            return
        if made.outcome is ReplayOutcome.UNDECIDABLE:
            self.undecidable += 1
            self.undecidable_because = self.undecidable_because or made.why
            return
        if made.outcome is ReplayOutcome.REFUSED:
            group.now_refused += 1
        else:
            group.now_allowed += 1
        if group.first_changed is None:
            group.first_changed = what_if.ChangedCall(
                position=call.position, at=call.at, request_id=call.cause.request_id, why=made.why
            )


def answer_what_if(
    asked: what_if.WhatIf, reader: AnswerContext, account_id: str, part: ReplayRange
) -> what_if.WhatIfPart:
    """Raises NoSuchEntity and InvalidInput where what is supposed could be about nothing at the end of the span."""
    supposition = supposition_of(asked, reader.account(account_id, part.until), part.until)
    counts, stopped_position = _Counts(), part.to
    for call, made in _replayed(reader, account_id, part, supposition):
        if made.outcome is ReplayOutcome.WITHOUT_DECISION:
            counts.without_decision += 1
        else:
            cause = call.cause
            assert cause.principal is not None
            key = (principal_arn_of(cause.principal), cause.service, cause.operation)
            if not counts.has_room(key):
                stopped_position = call.position - 1
                break
            counts.add(key, call, made)
        counts.calls += 1
    refused = sum(group.now_refused for group in counts.groups.values())
    allowed = sum(group.now_allowed for group in counts.groups.values())
    return what_if.WhatIfPart(
        account_id=account_id,
        since_position=part.after + 1,
        until_position=part.until,
        stopped_position=stopped_position if stopped_position < part.until else None,
        calls=counts.calls,
        unchanged=counts.calls - refused - allowed - counts.without_decision - counts.undecidable,
        now_refused=refused,
        now_allowed=allowed,
        without_decision=counts.without_decision,
        undecidable=counts.undecidable,
        undecidable_because=counts.undecidable_because,
        by_other_evaluator=counts.by_other_evaluator,
        groups=tuple(_group(key, group) for key, group in counts.groups.items()),
    )


def _replayed(
    reader: AnswerContext, account_id: str, part: ReplayRange, supposition: HypotheticalChange, of: str | None = None
) -> Iterator[tuple[CallToReplay, ReplayResult]]:
    """Of all principals, or of one by its unique id."""
    walk = CallReplay(reader.cursor, reader.past.mapper, reader.account(account_id, part.after))
    replay = CallReplayer(HypotheticalStates(walk, supposition, reader.account).value_of, walk.session_of)
    for call in walk.calls(after=part.after, to=part.to):
        if of is None or _entity_of(call) == of:
            yield call, replay.of(call)


def _group(key: GroupKey, group: _GroupCounts) -> what_if.CallGroup:
    principal_arn, service, operation = key
    return what_if.CallGroup(
        principal_arn=principal_arn,
        service=service,
        operation=operation,
        calls=group.calls,
        now_refused=group.now_refused,
        now_allowed=group.now_allowed,
        first_changed=group.first_changed,
    )


def supposition_of(asked: what_if.WhatIf, account: Account, position: int) -> HypotheticalChange:
    """What is asked about, by what it is called at the end of the span. Raises NoSuchEntity and InvalidInput."""
    if asked.scp is not None:
        return ControlPolicyAdded(account.id, _level_id(account, asked.attach_scp_to or "root", position), asked.scp)
    assert asked.policy is not None
    if asked.attach_to is not None:
        return PolicyAdded(account.id, entity_called(account, asked.attach_to, position), asked.policy)
    if asked.in_place_of_all_of is not None:
        entity_id = user_or_role_called(account, asked.in_place_of_all_of, position)
        return PoliciesReplaced(account.id, entity_id, asked.policy)
    assert asked.instead_of is not None
    if asked.instead_of not in account[MANAGED_POLICIES]:
        raise NoSuchEntity(f"There was no managed policy {asked.instead_of} at position {position}; expected an ARN.")
    return DocumentReplaced(account.id, asked.instead_of, asked.policy)


def _level_id(account: Account, where: str, position: int) -> str:
    """Of an account that is in no organisation any name will do."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = () if membership is None else membership.levels
    if not levels:
        return where
    if where in {"root", "account"}:
        return levels[0 if where == "root" else -1].id
    if all(level.id != where for level in levels):
        known = ", ".join(level.id for level in levels)
        raise NoSuchEntity(f"Above account {account.id} stood no {where} at position {position}; expected of {known}.")
    return where


def entity_called(account: Account, text: str, position: int) -> str:
    """The unique id of the user, group or role whose ARN, name or unique id this is. Raises NoSuchEntity, and
    InvalidInput when it is the name of several."""
    found = [entity for _, entity in find_holders(account, text)]
    if not found:
        raise NoSuchEntity(f"No user, group or role was called {text} at position {position}.")
    if len(found) > 1:
        raise InvalidInput(f"{text} may be {' or '.join(account.arn(each.resource) for each in found)}: give the ARN.")
    return found[0].id


def user_or_role_called(account: Account, text: str, position: int) -> str:
    """Raises ValidationError for a group, too."""
    entity_id = entity_called(account, text, position)
    if entity_id in account[GROUPS].by_id:
        raise ValidationError(f"{text} is a group, which makes no calls: expected a user or role.")
    return entity_id


def answer_least_privilege(
    asked: GetLeastPrivilege, reader: AnswerContext, account_id: str, part: ReplayRange
) -> LeastPrivilegePart:
    """Goes through the calls twice: for what was used, and for whether the document allows it. Raises NoSuchEntity,
    InvalidInput and ValidationError for a principal that is no user or role at the end of the span."""
    account = reader.account(account_id, part.until)
    entity_id = user_or_role_called(account, asked.principal, part.until)
    used: Counter[UsedPermission] = Counter()
    allowed = refused = 0
    stopped_position = part.to
    walk = CallReplay(reader.cursor, reader.past.mapper, reader.account(account_id, part.after))
    for call in walk.calls(after=part.after, to=part.to):
        if _entity_of(call) != entity_id or not call.decisions:
            continue
        if not call.was_allowed:
            refused += 1
            continue
        these = {UsedPermission(record.action, record.resources[0]) for record in call.decisions}
        if len(used) + len(these - used.keys()) > USED_AN_ANSWER_MAX:
            stopped_position = call.position - 1
            break
        used.update(these)
        allowed += 1
    found = least_privilege(used, CATALOGUE)
    covered = part._replace(to=stopped_position)
    confirming = Counter() if found is None else _confirmed(reader, account_id, covered, entity_id, found)
    entity = account[USERS].by_id.get(entity_id) or account[ROLES].by_id[entity_id]
    return LeastPrivilegePart(
        account_id=account_id,
        since_position=part.after + 1,
        until_position=part.until,
        stopped_position=stopped_position if stopped_position < part.until else None,
        entity_id=entity_id,
        arn=account.arn(entity.resource),
        allowed=allowed,
        refused=refused,
        used=tuple(UsedAction(action=key.action, resource=key.resource, calls=used[key]) for key in sorted(used)),
        covering=None if found is None else CoveringPolicy.model_validate(found),
        confirmed=confirming[ReplayOutcome.UNCHANGED],
        undecidable=confirming[ReplayOutcome.UNDECIDABLE],
    )


def _confirmed(
    reader: AnswerContext, account_id: str, part: ReplayRange, entity_id: str, found: LeastPrivilege
) -> Counter[ReplayOutcome]:
    supposition = PoliciesReplaced(account_id, entity_id, found.document)
    replayed = _replayed(reader, account_id, part, supposition, of=entity_id)
    return Counter(made.outcome for call, made in replayed if call.was_allowed)


def _entity_of(call: CallToReplay) -> str | None:
    """Whose policies counted: the unique id of the user or, of a role's session, of the role."""
    principal = call.cause.principal
    if principal is None:
        return None
    if principal.type == "AssumedRole" and principal.issuer is not None:
        return principal.issuer.principal_id
    return principal.principal_id
