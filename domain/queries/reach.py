"""What a credential could have done while it was used: the actions that were in its reach at any time of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.account import Account
from domain.authorization import ASSUME_ROLE, layers_of
from domain.callers import Caller
from domain.families.sessions import Session
from domain.foundation.errors import Refusal
from domain.policy import Layers, Reach, merge_reaches, reachable
from domain.queries.access import find_caller, hypothetical_call
from domain.rules.sessions import refuse_beyond_session_token

_AT_ANY_TIME = datetime.min.replace(tzinfo=UTC)
PERMISSION_SETS_MAX = 32
"""So many different permissions are looked at: each takes as long as asking them about every action that there is."""


@dataclass(frozen=True, slots=True)
class ReachOverTime:
    reach: Reach
    layers: tuple[Layers, ...]
    """The different permissions that there were, in order."""
    stopped_position: int | None
    """The position of the account at which there were more of them than are looked at."""


def reach_over_time(
    values: Iterable[Account], entity_id: str, session: Session | None, actions: Sequence[str]
) -> ReachOverTime:
    """Of a user or role, or of root by the account's id, in a session or by itself, in any of the values of its
    account. Where there is nobody of that id in a value, nothing is in reach."""
    different: dict[object, Layers] = {}
    reaches: list[Reach] = []
    for account in values:
        caller = find_caller(account, entity_id)
        if caller is None:
            continue
        if session is not None:
            caller = Caller(session.principal, entity_id, session.access_key_id, session)
        layers = layers_of(account, caller)
        key = tuple((layer, tuple(sourced.policy.sha256 for sourced in policies)) for layer, policies in layers)
        if key in different:
            continue
        if len(different) == PERMISSION_SETS_MAX:
            return ReachOverTime(merge_reaches(reaches), tuple(different.values()), account.position)
        different[key] = layers
        reaches.append(reachable(layers, _decidable_actions(caller, actions)))
    return ReachOverTime(merge_reaches(reaches), tuple(different.values()), None)


def _decidable_actions(caller: Caller, actions: Sequence[str]) -> Iterator[str]:
    """Without what no policy decides: root assumes no role, and credentials of GetSessionToken are good for few
    operations."""
    call = hypothetical_call(caller, _AT_ANY_TIME)
    for action in actions:
        if caller.is_root and action == ASSUME_ROLE:
            continue
        service, _, operation = action.partition(":")
        try:
            refuse_beyond_session_token(call, service, operation)
        except Refusal:
            continue
        yield action
