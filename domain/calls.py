"""A call on its way through, what comes out of it, and how the ledger remembers it."""

import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal, NoReturn

from domain.account import Account
from domain.callers import Caller
from domain.families.access_reviews import ReviewFacts, ReviewQuery, UndecidedFacts, UndecidedQuery
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.families.containment import LineageFacts, LineageQuery
from domain.families.credential_owners import OwnerFacts, OwnerQuery
from domain.families.mfa_devices import MFACodeFacts, MFACodeQuery
from domain.families.passwords import PasswordFacts, PasswordQuery
from domain.families.reports import GrantsFacts, GrantsQuery, ReportFacts, ReportQuery
from domain.families.resource_compliance import ComplianceFacts, ComplianceQuery
from domain.families.saml_providers import SAMLFacts, SAMLQuery
from domain.families.sessions import SessionClaims
from domain.families.trails import TrailFacts, TrailQuery
from domain.families.unused_permissions import UnusedPermissionsFacts, UnusedPermissionsQuery
from domain.foundation.errors import Refusal, Throttling
from domain.foundation.events import Cause, Event, Use, Value
from domain.foundation.identifiers import INSTALLATION, Random, new_unique_id
from domain.foundation.key_material import KeyMaterialFacts, KeyMaterialQuery
from domain.foundation.long_texts import TextFacts, TextQuery
from domain.foundation.secret import Secret, SecretId
from domain.installation import Installation
from domain.ledger_state import LedgerState
from domain.policy import Layers, Policy
from domain.policy.comparison import PolicyCheck, PolicyCheckFacts
from domain.time_travel import AS_OF_POSITION, PastFacts, PastQuery

AnswerRenderer = Callable[[Account], Mapping[str, object]]
"""Renders the members of the answer, under AWS's names, from the account as it is after the call's own events. It runs
after the commit and outside the lock: the value is immutable."""


class NeedsAccounts(Exception):  # noqa: N818  no error: an answer of a decision
    """A decision needs more ledgers than its round has locked; it is run again with them (docs/adr/0009)."""

    def __init__(self, accounts: frozenset[str]) -> None:
        super().__init__(f"Accounts needed besides: {sorted(accounts)}")
        self.accounts = accounts


class NeedsPolicies(Exception):  # noqa: N818  no error: an answer of a decision
    """A decision needs policies whose texts take too long to read in a round. They are read outside, and it is run
    again while somebody holds them."""

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        super().__init__(f"Policies to be read: {len(policies)}")
        self.policies = policies


UNREAD_CHARACTERS_MAX = 16_384
"""Of the policies of one decision that a round may read itself, some five milliseconds at worst."""


def require_read(layers: Layers) -> None:
    """Raises NeedsPolicies where too much is to be read still."""
    unread = [each.policy for _, policies in layers for each in policies if not each.policy.is_read]
    if sum(len(policy.text) for policy in unread) > UNREAD_CHARACTERS_MAX:
        raise NeedsPolicies(tuple(unread))


FactsQuery = (
    PasswordQuery
    | MFACodeQuery
    | MessageQuery
    | PastQuery
    | LineageQuery
    | OwnerQuery
    | ReportQuery
    | GrantsQuery
    | TextQuery
    | KeyMaterialQuery
    | SAMLQuery
    | ReviewQuery
    | UndecidedQuery
    | PolicyCheck
    | UnusedPermissionsQuery
    | ComplianceQuery
    | TrailQuery
)
"""What decisions ask to be found out for them, and below what they are told: one kind of both a family."""
Facts = (
    PasswordFacts
    | MFACodeFacts
    | MessageFacts
    | PastFacts
    | LineageFacts
    | OwnerFacts
    | ReportFacts
    | GrantsFacts
    | TextFacts
    | KeyMaterialFacts
    | SAMLFacts
    | ReviewFacts
    | UndecidedFacts
    | PolicyCheckFacts
    | UnusedPermissionsFacts
    | ComplianceFacts
    | TrailFacts
)


class NeedsFacts(Exception):  # noqa: N818  no error: an answer of a decision
    """Raised by a decision that needs what takes too long for a round. It is found out outside, and the decision made
    again with the facts, on the value as it then is."""

    def __init__(self, wanted: FactsQuery, *, unsettled: Refusal) -> None:
        super().__init__(f"Facts needed: {type(wanted).__name__}")
        self.wanted = wanted
        self.unsettled = unsettled
        """The answer if the account moves on each time before the facts are there."""


def _nothing(*_arguments: object) -> NoReturn:
    raise AssertionError("A check draws nothing and seals nothing.")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and everything that a pure function cannot have by itself: time, randomness, the session seal."""

    caller: Caller
    cause: Cause
    at: datetime
    random: Random
    seal_session: Callable[[SessionClaims, Secret, int], str]
    """Takes besides how many characters the token is to have at least."""
    decisions: list["DecisionRecord"] = field(default_factory=list)
    """The authorisation checks made so far; they are recorded with the call, however it ends."""
    ledgers: Mapping[str, LedgerState] = field(default_factory=dict)
    """The newest values that the round has locked, by account id; empty ones of accounts that do not exist."""
    concerned: set[str] = field(default_factory=set)
    """Other accounts whose resources the call is about: it is recorded in their ledgers too, however it ends."""
    source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The condition keys by which a service says for whom it calls: aws:sourceaccount, aws:sourcearn."""
    facts: Facts | None = None
    """What was found out since the decision was first made. The value may have moved on meanwhile: what they were found
    out of says whether they still hold."""

    @classmethod
    def to_check(cls, caller: Caller, cause: Cause, at: datetime) -> "Call":
        """One of which nothing is asked but whether it is allowed: it can neither draw nor seal."""
        return cls(caller, cause, at, random=_nothing, seal_session=_nothing)

    def account(self, account_id: str) -> Account:
        """The account as it is now; check `exists`. Raises NeedsAccounts when the round does not have it yet."""
        found = self._ledger(account_id)
        assert isinstance(found, Account)
        return found

    def accounts(self, account_ids: Collection[str]) -> dict[str, Account]:
        """Like `account`, of several: all that the round does not have yet are asked for at once."""
        if missing := frozenset(account_ids) - self.ledgers.keys():
            raise NeedsAccounts(missing)
        return {account_id: self.account(account_id) for account_id in account_ids}

    def installation(self) -> Installation:
        """Raises NeedsAccounts, too."""
        found = self._ledger(INSTALLATION)
        assert isinstance(found, Installation)
        return found

    def _ledger(self, account_id: str) -> LedgerState:
        if account_id not in self.ledgers:
            raise NeedsAccounts(frozenset({account_id}))
        return self.ledgers[account_id]

    def long_texts(self, *sha256s: str) -> Mapping[str, str]:
        """Those of the caller's account that have these digests, which an event names. Raises NeedsFacts."""
        wanted = TextQuery(frozenset(sha256s))
        if isinstance(self.facts, TextFacts) and wanted.sha256s <= self.facts.by_sha256.keys():
            return self.facts.by_sha256
        raise NeedsFacts(wanted, unsettled=Throttling("What it says is being changed too often to be read."))

    def unique_id(self, prefix: str) -> str:
        return new_unique_id(prefix, self.random)

    def secret_access_key(self) -> Secret:
        """Forty characters of base64, as AWS's are."""
        return Secret(base64.b64encode(self.random(30)).decode("ascii"))


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret on its way into the sealed store. It goes there in the same transaction as the events."""

    id: SecretId
    principal_id: str
    """Whose it is: the unique id of the user, or the account id for root."""
    secret: Secret


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation returns: nothing in it has happened until the round commits."""

    answer: AnswerRenderer
    events: Sequence[Event] = ()
    new_secrets: Sequence[NewSecret] = ()
    destroyed_secrets: Sequence[SecretId] = ()
    new_texts: Sequence[str] = ()
    """Long texts that the events name by their digests."""
    elsewhere: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """Events for other ledgers that the call has read, by account id."""
    refusal: Refusal | None = None
    """The answer, where the call is refused and changes something all the same."""
    then: NeedsFacts | None = None
    """For what the call is decided once more when this is committed, with what else it does. Where that is not found,
    this was all."""


def refused(refusal: Refusal, *events: Event) -> Outcome:
    """The outcome of an operation that refuses, and leaves a mark."""
    return Outcome(lambda _account: {}, events, refusal=refusal)


def done(*events: Event) -> Outcome:
    """The outcome of an operation that answers with an empty result."""
    return Outcome(lambda _account: {}, events)


class StatementRef(Value):
    """A statement that decided, so that it can be found again in the ledger at the decision's positions."""

    source_type: str
    source_id: str
    version_id: str | None = None
    sha256: str
    """Of the document's text."""
    index: int


CONTEXT_BYTES_MAX = 8_192
"""Of a decision's own condition values, such as request tags, as JSON in UTF-8."""
MATCHED_MAX = 32
"""So many of the statements that applied are recorded."""
CONTEXT_NOT_KEPT = "muniment:contextnotkept"
"""Stands for condition values that were not kept: their SHA-256 and how many bytes they were."""


def kept_context(
    context: Mapping[str, tuple[str, ...]], bytes_max: int = CONTEXT_BYTES_MAX
) -> Mapping[str, tuple[str, ...]]:
    """The condition values of an operation as they are recorded: all of them, or what says that they are not there."""
    if CONTEXT_NOT_KEPT in context:
        return context
    text = json.dumps(context, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    if len(text) <= bytes_max:
        return context
    position = {key: context[key] for key in (AS_OF_POSITION,) if key in context}
    return {**position, CONTEXT_NOT_KEPT: (sha256(text).hexdigest(), str(len(text)))}


class DecisionRecord(Value):
    """One authorisation check. With the ledgers folded to `positions`, the cause, and `context`, it re-evaluates to
    the same result."""

    action: str
    resources: tuple[str, ...]
    result: Literal["too costly", "allowed", "explicitly denied", "implicitly denied"]
    layer: str
    """That decided; of what was too costly, where most of the cost was."""
    matched: tuple[StatementRef, ...]
    """The first of them: MATCHED_MAX at most."""
    context: Mapping[str, tuple[str, ...]]
    """The condition values of the operation itself, as `kept_context` has them; those of the call are in the cause."""
    positions: Mapping[str, int]
    """Of the last change that was folded into each account that was read."""
    evaluator: int
    """Version of the evaluator."""

    @property
    def is_kept(self) -> bool:
        """Whether all that it read is there, so that it can be made again."""
        return CONTEXT_NOT_KEPT not in self.context

    @property
    def as_of(self) -> int | None:
        """Of a call about the past: the position that the account of the resource was folded to. The policies that were
        asked are those at `positions`: of the present, or of then where they deny."""
        position = self.context.get(AS_OF_POSITION)
        return None if position is None else int(position[0])


class ApiCalled(Use, topic="api.called.v1"):
    """An authenticated principal called an operation and was answered, with success or a refusal."""

    read_only: bool
    parameters: Mapping[str, object]
    """Those that the operation's allow-list names."""
    error_code: str | None = None
    error_message: str | None = None
    decisions: tuple[DecisionRecord, ...] = ()


class RefusalsCounted(Use, topic="api.refusals_counted.v1"):
    """Further refusals of the same caller, operation and error code, too many to be recorded one by one. The cause is
    that of the first of them, without what was not the same in all."""

    read_only: bool
    error_code: str
    count: int
    first: datetime
    last: datetime
    named: tuple[str, ...] = ()
    """What they were about, ARNs or entities such as user/ada."""
    named_not_kept: int = 0
    """Calls that were about something else too."""


class UnauthenticatedCalled(Use, topic="api.unauthenticated_called.v1"):
    """Requests that authenticate nobody: the first of a source and minute, or the count of the others of a minute."""

    error_code: str
    error_message: str
    claimed_access_key_id: str | None = None
    """What the request said; nothing proves it."""
    claimed_account_id: str | None = None
    """The account that the key id carries."""
    count: int
