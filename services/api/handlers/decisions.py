"""A call's decisions, made again from the ledger and explained to an account, of whose ledger they are."""

from domain.authorization import EVALUATOR
from domain.calls import DecisionRecord
from domain.foundation.errors import NoSuchEntity
from domain.policy import StatementVerdict
from domain.queries.reevaluation import CannotReevaluate, Reevaluation, why_not_kept
from projections.engine.sql_files import load_statements
from projections.queries.readable import require_readable
from services.api.contract.decisions import ExplainDecision, ExplainedCall, ExplainedDecision, ExplainedStatement
from services.api.handlers.handler import AnswerContext, handles
from services.ledger.reevaluation import call_at, reevaluate
from services.wire.errors import ServiceFailure

SQL = load_statements("services.api.handlers", "decisions.sql")


@handles(ExplainDecision)
def answer_explain_decision(question: ExplainDecision, context: AnswerContext) -> ExplainedCall:
    """The call with this request id in the account's ledger. The trail is only asked where it stands.

    Raises NoSuchEntity, and ServiceFailure where the ledger does not have what the decision was made from.
    """
    account_id, request_id = context.account_id, question.request_id
    require_readable(context.cursor, "trail")
    row = context.cursor.execute(SQL["called"], {"account_id": account_id, "request_id": request_id}).fetchone()
    found = None if row is None else call_at(context.cursor, context.past.mapper, account_id, row[0])
    if row is not None and row[1]:
        raise NoSuchEntity(
            f"The call {request_id} is one of many that were refused alike and counted, not recorded one by one: of "
            "its decision nothing was kept."
        )
    if found is None or found[0].cause.request_id != request_id:
        raise NoSuchEntity(
            f"The ledger of account {account_id} has no call with the request id {request_id}; expected one that was "
            "answered with x-amzn-requestid, or that is in the history."
        )
    entry, event = found
    kept = tuple(decision for decision in event.decisions if decision.is_kept)
    try:
        made_again = iter(reevaluate(context.cursor, context.past, entry, kept))
    except CannotReevaluate as error:
        raise ServiceFailure(
            f"The call is at position {entry.position}, but cannot be re-evaluated: {error}"
        ) from error
    cause = entry.cause
    return ExplainedCall(
        account_id=account_id,
        request_id=request_id,
        position=entry.position,
        at=entry.at,
        principal_arn=cause.principal.arn if cause.principal else None,
        service=cause.service,
        operation=cause.operation,
        error_code=event.error_code,
        error_message=event.error_message,
        decisions=tuple(
            explain_decision(account_id, next(made_again)) if record.is_kept else _not_made_again(record)
            for record in event.decisions
        ),
    )


def _not_made_again(record: DecisionRecord) -> ExplainedDecision:
    return ExplainedDecision(
        action=record.action,
        resource=record.resources[0],
        recorded_result=record.result,
        recorded_layer=record.layer,
        recorded_evaluator=record.evaluator,
        result=record.result,
        layer=record.layer,
        evaluator=record.evaluator,
        agrees=None,
        verdict=why_not_kept(record),
        positions=record.positions,
        context={},
        missing_keys=(),
        statements=(),
    )


def explain_decision(account_id: str, made: Reevaluation) -> ExplainedDecision:
    """A decision, to one of the accounts whose policies are in it."""
    record, decision, request = made.record, made.explanation.decision, made.check.request
    asked = made.asked_for(account_id)
    return ExplainedDecision(
        action=request.action,
        resource=request.resource,
        recorded_result=record.result,
        recorded_layer=record.layer,
        recorded_evaluator=record.evaluator,
        result=decision.result.value,
        layer=decision.layer.value,
        evaluator=EVALUATOR,
        agrees=made.agrees,
        verdict=made.verdict(account_id),
        positions=record.positions,
        context={key: values for key, values in asked.items() if values},
        missing_keys=tuple(key for key, values in asked.items() if not values),
        statements=tuple(_statement(made, verdict, account_id) for verdict in made.explanation.verdicts),
    )


def _statement(made: Reevaluation, verdict: StatementVerdict, account_id: str) -> ExplainedStatement:
    sourced, owner_id = verdict.sourced, made.account_of(verdict.layer)
    own = owner_id == account_id
    return ExplainedStatement(
        layer=verdict.layer.value,
        level=made.level_of(verdict),
        account_id=owner_id,
        source_type=sourced.source_type,
        source_id=sourced.source_id,
        policy=sourced.title,
        version_id=sourced.version_id,
        sha256=sourced.policy.sha256,
        index=verdict.statement.index,
        sid=verdict.statement.sid if own else None,
        effect=verdict.statement.effect.value,
        applies=verdict.mismatch is None,
        mismatch=verdict.mismatch if own else None,
    )
