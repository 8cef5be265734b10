"""Which function answers which question, and which decides it in the round."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from domain.account import Account
from domain.calls import Outcome
from services.api.contract.answer import Answer
from services.api.contract.question import Question
from services.api.handlers.answer_context import AnswerContext
from services.api.handlers.requester import Requester

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


HANDLERS: dict[type[Question[Answer]], Handler] = {}
_DECISIONS: dict[type[Question[Answer]], DecideQuestion[Any]] = {}


def handles(
    question: type[QuestionT],
    *,
    reads_everywhere: bool = False,
    also_reads: Callable[[QuestionT], str | None] = lambda _question: None,
) -> Callable[[AnswerQuestion[QuestionT]], AnswerQuestion[QuestionT]]:
    """Registers the decorated function as what answers the question."""

    def register(answer: AnswerQuestion[QuestionT]) -> AnswerQuestion[QuestionT]:
        HANDLERS[question] = Handler(answer, reads_everywhere, also_reads)
        return answer

    return register


def decides(question: type[QuestionT]) -> Callable[[DecideQuestion[QuestionT]], DecideQuestion[QuestionT]]:
    """Registers the decorated function as what decides the question. One without changes nothing."""

    def register(decide: DecideQuestion[QuestionT]) -> DecideQuestion[QuestionT]:
        _DECISIONS[question] = decide
        return decide

    return register


def decide_question(question: Question[Answer], account: Account, requester: Requester) -> Outcome:
    """Raises refusals, NeedsFacts and NeedsAccounts."""
    decide = _DECISIONS.get(type(question))
    return Outcome(lambda _after: {}) if decide is None else decide(question, account, requester)


def answer_question(question: Question[A], context: AnswerContext) -> A:
    """Raises ProjectionBehind, and refusals."""
    return cast("A", HANDLERS[type(question)].answer(question, context))
