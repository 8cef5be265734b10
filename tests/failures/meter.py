"""The meter: what clients were told, held against what the ledger says. Lost, doubled and changed have to be nothing.

A client writes down what it is about to ask before it sends it, and what it was answered as soon as it knows. Both stay
in the memory of the test, which outlives every process that is killed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from botocore import xform_name

from domain.account import Account
from domain.calls import ApiCalled
from domain.families.access_keys import ACCESS_KEYS, AccessKeyCreated
from domain.families.policies import INLINE_POLICIES, InlinePolicyPut
from domain.families.sessions import SessionIssued
from domain.families.users import USERS, UserCreated
from domain.foundation.events import Change, Entry, Event
from domain.ledger_state import LedgerState, evolve

EFFECTS: Mapping[str, type[Event]] = {
    "CreateUser": UserCreated,
    "CreateAccessKey": AccessKeyCreated,
    "PutUserPolicy": InlinePolicyPut,
    "AssumeRole": SessionIssued,
}
"""The event that a success of the operation consists in. Operations that are not here read."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    code: str | None
    """AWS's error code; None for success."""
    request_id: str
    position: int | None
    """In the ledger. An answer without one acknowledges nothing."""
    begun_at: float
    at: float
    """Both on the test's monotonic clock."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What the answer promises: the ids of what was made or read."""


@dataclass(slots=True)
class Intent:
    """Something that a client wants once. Nobody else wants the same, so the ledger's records of it can be counted."""

    operation: str
    parameters: Mapping[str, str]
    """Under AWS's names."""
    sent: int = 0
    """How often: a retry is a call of its own. Counted before the first byte leaves."""
    answers: list[Answer] = field(default_factory=list)

    @property
    def key(self) -> "Key":
        return self.operation, frozenset((xform_name(name), value) for name, value in self.parameters.items())


Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Findings:
    """Each is a sentence about one call or one position."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.changed)


def acknowledged(journal: Iterable[Intent]) -> list[tuple[Intent, Answer]]:
    """Every answer that says what the ledger says: successes, and refusals that were recorded."""
    return [(intent, answer) for intent in journal for answer in intent.answers if answer.position is not None]


def unacknowledged(journal: Iterable[Intent]) -> list[Answer]:
    return [answer for intent in journal for answer in intent.answers if answer.position is None]


def compare(journal: Sequence[Intent], entries: Sequence[Entry]) -> Findings:
    """The journal of all clients against all entries of their account, in the order of positions."""
    ledger = _Ledger(entries)
    findings = Findings()
    _positions(entries, findings)
    _counts(journal, ledger, findings)
    for intent, answer in acknowledged(journal):
        _one(intent, answer, ledger, findings)
    return findings


class _Ledger:
    """The entries by request, the account as each call found or left it, and the account as it is in the end."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.records: dict[str, list[Entry]] = {}
        self.effects: dict[str, list[Entry]] = {}
        self.accounts: dict[int, Account] = {}
        self.wanted: Counter[Key] = Counter()
        """Records of an intent, by whomever it was sent."""
        self.granted: Counter[Key] = Counter()
        """Those of them that were successes."""
        value: LedgerState = Account(entries[0].account_id) if entries else Account("")
        for entry in entries:
            if isinstance(entry.event, Change) and entry.position > value.position:
                value = evolve(value, entry)
            assert isinstance(value, Account)
            request_id = entry.cause.request_id
            if isinstance(entry.event, ApiCalled):
                self.records.setdefault(request_id, []).append(entry)
                self.accounts[entry.position] = value
                key = entry.cause.operation, frozenset(_recorded(entry.event).items())
                self.wanted[key] += 1
                self.granted[key] += entry.event.error_code is None
            elif isinstance(entry.event, tuple(EFFECTS.values())):
                self.effects.setdefault(request_id, []).append(entry)
        assert isinstance(value, Account)
        self.last = value


def _positions(entries: Sequence[Entry], findings: Findings) -> None:
    """Dense from 1 on: a hole is something lost, a position that is there twice is something doubled."""
    counted = Counter(entry.position for entry in entries)
    highest = max(counted, default=0)
    findings.lost += [f"Position {gone} is missing." for gone in range(1, highest + 1) if gone not in counted]
    findings.doubled += [f"Position {twice} stands {count} times." for twice, count in counted.items() if count > 1]


def _counts(journal: Iterable[Intent], ledger: _Ledger, findings: Findings) -> None:
    """Whether answered or not: no call is recorded more often than it was sent, and no user is created twice."""
    for intent in journal:
        recorded = ledger.wanted[intent.key]
        if recorded > intent.sent:
            findings.doubled.append(f"{_named(intent)} was sent {intent.sent} times and is recorded {recorded} times.")
        if intent.operation == "CreateUser" and ledger.granted[intent.key] > 1:
            findings.doubled.append(f"{_named(intent)} succeeded more than once.")
    for request_id, effects in ledger.effects.items():
        kinds = Counter(type(entry.event) for entry in effects)
        findings.doubled += [f"Request {request_id}: {kind.__name__} {n} times." for kind, n in kinds.items() if n > 1]
    for request_id, records in ledger.records.items():
        if len(records) > 1:
            findings.doubled.append(f"Request {request_id} is recorded {len(records)} times.")


def _one(intent: Intent, answer: Answer, ledger: _Ledger, findings: Findings) -> None:
    """One acknowledged answer: its record is there and says the same, and what it promised is so."""
    named = f"{_named(intent)}, request {answer.request_id} at position {answer.position}"
    records = ledger.records.get(answer.request_id)
    if not records:
        findings.lost.append(f"{named}: there is no record.")
        return
    (record, *_) = records
    assert isinstance(record.event, ApiCalled)
    says = (record.position, record.cause.operation, _recorded(record.event), record.event.error_code)
    told = (answer.position, intent.operation, dict(intent.key[1]), answer.code)
    if says != told:
        findings.changed.append(f"{named}: the client was told {told}, the ledger says {says}.")
    effects = ledger.effects.get(answer.request_id, [])
    if answer.code is not None or intent.operation not in EFFECTS:
        if effects:
            findings.changed.append(f"{named}: it was to change nothing, and has {len(effects)} effects.")
        elif not _as_it_was(intent, answer, ledger.accounts[record.position]):
            findings.changed.append(f"{named}: {answer.code or answer.told} is not what the account then was.")
        return
    if not any(isinstance(entry.event, EFFECTS[intent.operation]) for entry in effects):
        findings.lost.append(f"{named}: its effect is not in the ledger.")
    elif not _promised(answer, effects[0].event):
        findings.changed.append(f"{named}: the client was told {answer.told}, the ledger has {effects[0].event!r}.")
    elif not _stands(effects[0].event, ledger.last):
        findings.lost.append(f"{named}: its effect is not in the account.")


def _as_it_was(intent: Intent, answer: Answer, account: Account) -> bool:
    """Whether a read, or a refusal, is true of the account at its position."""
    user = account[USERS].find(intent.parameters.get("UserName", ""))
    match answer.code:
        case None:
            return user is not None and answer.told.get("UserId") == user.id
        case "NoSuchEntity":
            return user is None
        case "EntityAlreadyExists":
            return user is not None
        case _:
            return False  # nothing that the clients ask is refused for another reason


def _promised(answer: Answer, effect: Event) -> bool:
    match effect:
        case UserCreated():
            return answer.told.get("UserId") == effect.user_id
        case AccessKeyCreated():
            return answer.told.get("AccessKeyId") == effect.access_key_id
        case SessionIssued():
            return answer.told.get("AccessKeyId") == effect.session.access_key_id
        case _:
            return True


def _stands(effect: Event, account: Account) -> bool:
    """The clients delete nothing, so what was made is there in the end."""
    match effect:
        case UserCreated():
            return effect.user_id in account[USERS].by_id
        case AccessKeyCreated():
            return effect.access_key_id in account[ACCESS_KEYS].by_id
        case InlinePolicyPut():
            policies = account[INLINE_POLICIES].get(effect.entity_id)
            return policies is not None and policies.get(effect.policy_name) == effect.document
        case _:
            return True


def _recorded(event: ApiCalled) -> dict[str, str]:
    return {name: str(value) for name, value in event.parameters.items()}


def _named(intent: Intent) -> str:
    return f"{intent.operation} {dict(intent.parameters)}"
