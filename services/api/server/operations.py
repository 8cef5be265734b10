"""The native operations, registered like AWS's. Importing this registers every one."""

from dataclasses import replace
from functools import partial

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome
from domain.foundation.errors import NoSuchEntity
from domain.time_travel import TIME_TRAVEL
from services.api.contract.question import CREDENTIAL_RESOURCE, SERVICE, Answer, Question
from services.api.contract.questions import QUESTIONS
from services.api.handlers.credential_access import authorize_credential
from services.api.handlers.handler import Decided, decide_question
from services.api.handlers.requester import Requester
from services.wire.operations import FindResource, Operation, Parameters, TargetResource, answers, find_operation
from services.wire.suggestions import may_list, with_suggestion


def bind_question(question: Question[Answer]) -> Operation:
    """The operation of a question, as it was read from the request."""
    operation = operation_of(type(question))
    return replace(operation, run=partial(operation.run, question))


def operation_of(question: type[Question[Answer]]) -> Operation:
    operation = find_operation(SERVICE, question.__name__)
    assert operation is not None
    return operation


def _find_resource(question: type[Question[Answer]]) -> FindResource:
    def resource(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
        return TargetResource.of_arn(account.arn(question.resource.format_map(parameters), service=SERVICE))

    return resource


def _decide(question: Question[Answer], account: Account, call: Call, **parameters: object) -> Outcome:
    owners = None
    if question.resource == CREDENTIAL_RESOURCE:
        owners = authorize_credential(question, account, call)
    elif question.moment is not None:
        # Reading the past takes the action itself, which has been asked for, and this.
        authorize(account, call, TIME_TRAVEL, _find_resource(type(question))(account, call, parameters).arn)
    # The answer is read from the tables after the commit, when they have come as far as this very call.
    try:
        outcome = decide_question(question, account, Requester.of(account, call))
    except NoSuchEntity as refusal:
        raise with_suggestion(account, call, refusal) from None
    call.concerned.update(outcome.elsewhere)
    return replace(
        outcome,
        answer=lambda after: {"decided": Decided(outcome.answer(after), owners, partial(may_list, account, call))},
    )


for _question in QUESTIONS:
    answers(
        _question.__name__,
        service=SERVICE,
        on=None if _question.resource == CREDENTIAL_RESOURCE else _find_resource(_question),
        records=" ".join(_question.model_fields),
        read_only=_question.read_only,
        ends_access=lambda _parameters, question=_question: question.ends_access,  # type: ignore[misc]
    )(_decide)
