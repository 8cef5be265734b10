"""Which function answers which question, and from what; and which decides it in the round."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

import psycopg

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from domain.installation import Installation
from projections.queries.ledger_positions import position_at
from services.api.contract.question import Answer, Question
from services.api.handlers.requester import Requester
from services.ledger.historical_states import HistoricalStates
from services.transparency.log_keys import LogKeys

Owners = frozenset[tuple[str, str]]
"""Account ids, each with the unique id of a user or role in it, or its own for root."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the round has to tell to whoever answers."""

    told: Mapping[str, object]
    """By the question's own decision."""
    owners: Owners | None = None
    """Whose credentials the caller may ask about in this question; None of an operator."""
    may_list: Callable[[], bool] = lambda: True
    """Whether whoever asks may know what else there is."""


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """For one answer, on a connection that reads."""

    cursor: psycopg.Cursor
    past: HistoricalStates
    account_id: str
    """Whose the question is."""
    as_of: AsOf
    """A moment that the tables of the account have reached."""
    everywhere: bool = False
    """Whether it is for the operator, who may see into all accounts."""
    behind: frozenset[str] = frozenset()
    """Accounts whose tables lag, of a question that reads everywhere."""
    decided: Decided = field(default_factory=lambda: Decided({}))
    log_keys: LogKeys | None = None
    """Of a server that signs checkpoints."""

    def account(self, account_id: str, position: int) -> Account:
        """As it was at the position; empty where there is no such ledger."""
        found = self.past.at(self.cursor, account_id, position)
        assert isinstance(found, Account)
        return found

    def own(self, position: int) -> Account:
        """The account that the question is about, as it was at the position."""
        return self.account(self.account_id, position)

    def installation(self, at: datetime) -> Installation:
        """As it was at the time."""
        found = self.past.at(self.cursor, INSTALLATION, position_at(self.cursor, INSTALLATION, at))
        assert isinstance(found, Installation)
        return found

    def changes(self, account_id: str, *, after: int, to: int) -> Iterator[Entry]:
        """Those behind one position and up to another, read as they are taken."""
        return self.past.changes(self.cursor, account_id, after=after, to=to)


def decided_position(context: AnswerContext) -> int | None:
    """Of the first event of the `topic` that the question's decision told, behind `before`; None where the topic is."""
    before, topic = context.decided.told["before"], context.decided.told["topic"]
    if topic is None:
        return None
    assert isinstance(before, int)
    assert isinstance(topic, str)
    (entry,) = context.past.changes_of_topic(context.cursor, context.account_id, topic, after=before, limit=1)
    return entry.position


QuestionT = TypeVar("QuestionT", bound=Question[Any])
A = TypeVar("A", bound=Answer)
AnswerQuestion = Callable[[QuestionT, AnswerContext], Answer]
"""Raises ProjectionBehind, and refusals."""
DecideQuestion = Callable[[QuestionT, Account, Requester], Outcome]
"""What a question changes, decided in the round. What the outcome answers is for the handler alone."""


@dataclass(frozen=True, slots=True)
class Handler:
    answer: AnswerQuestion[Any]
    reads_everywhere: bool
    """Whether the tables of all accounts have to be up to date, as far as they will be in time."""
    also_reads: Callable[[Any], str | None]
    """Another ledger whose tables have to be up to date."""
    reads_computed: bool
    """Whether tables of computed projections have to be, too. They may lag for long, or halt by a check of somebody's
    own; other answers do not wait for them."""


HANDLERS: dict[type[Question[Answer]], Handler] = {}
DECISIONS: dict[type[Question[Answer]], DecideQuestion[Any]] = {}


def handles(
    question: type[QuestionT],
    *,
    reads_everywhere: bool = False,
    also_reads: Callable[[QuestionT], str | None] = lambda _question: None,
    reads_computed: bool = False,
) -> Callable[[AnswerQuestion[QuestionT]], AnswerQuestion[QuestionT]]:
    """Registers the decorated function as what answers the question. Raises TypeError when another one does."""

    def register(answer: AnswerQuestion[QuestionT]) -> AnswerQuestion[QuestionT]:
        if question in HANDLERS:
            raise TypeError(f"{question.__name__} is answered twice.")
        HANDLERS[question] = Handler(answer, reads_everywhere, also_reads, reads_computed)
        return answer

    return register


def decides(question: type[QuestionT]) -> Callable[[DecideQuestion[QuestionT]], DecideQuestion[QuestionT]]:
    """Registers the decorated function as what decides the question. One without changes nothing.
    Raises TypeError when another one does."""

    def register(decide: DecideQuestion[QuestionT]) -> DecideQuestion[QuestionT]:
        if question in DECISIONS:
            raise TypeError(f"{question.__name__} is decided twice.")
        DECISIONS[question] = decide
        return decide

    return register


def decide_question(question: Question[Answer], account: Account, requester: Requester) -> Outcome:
    """Raises refusals, NeedsFacts and NeedsAccounts."""
    decide = DECISIONS.get(type(question))
    return Outcome(lambda _after: {}) if decide is None else decide(question, account, requester)


def answer_question(question: Question[A], context: AnswerContext) -> A:
    """Raises ProjectionBehind, and refusals."""
    return cast("A", HANDLERS[type(question)].answer(question, context))
