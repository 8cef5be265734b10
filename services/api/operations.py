"""The native operations, registered like AWS's. Importing this registers every one."""

from collections.abc import Callable

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome
from domain.time_travel import TIME_TRAVEL
from services.api.answers import Answer
from services.api.question import SERVICE, Question
from services.api.registry import QUESTIONS
from services.api.requester import Requester
from services.wire.operations import FindResource, Parameters, answers


def _resource(question: type[Question[Answer]]) -> FindResource:
    def resource(account: Account, _call: Call, parameters: Parameters) -> str:
        return account.arn(question.resource.format_map(parameters), service=SERVICE)

    return resource


def _run(question: type[Question[Answer]], resource: FindResource) -> Callable[..., Outcome]:
    def run(account: Account, call: Call, **parameters: object) -> Outcome:
        asked = question.model_validate(parameters)
        if asked.moment is not None:
            # Reading the past takes the action itself, which has been asked for, and this.
            authorize(account, call, TIME_TRAVEL, resource(account, call, parameters))
        # The answer is read from the tables after the commit, when they have come as far as this very call.
        outcome = asked.perform(account, Requester.of(account, call))
        call.concerned.update(outcome.elsewhere)
        return outcome

    return run


for _question in QUESTIONS:
    _on = _resource(_question)
    answers(
        _question.__name__,
        service=SERVICE,
        on=_on,
        records=" ".join(_question.model_fields),
        read_only=_question.read_only,
    )(_run(_question, _on))
