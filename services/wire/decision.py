"""What happens to a request inside its round: a pure function of the newest values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.account import Account
from domain.authorization import authorize
from domain.call_context import requested_region
from domain.callers import Caller, caller_of_key, caller_of_session, descent_of
from domain.calls import ApiCalled, Call, Outcome
from domain.descent import MakesActor, refuse_too_long
from domain.families.containment import DescentRecorded
from domain.families.credential_use import LAST_USES, CredentialUsed, is_news
from domain.families.sessions import SessionClaims
from domain.foundation.errors import Refusal, ValidationError
from domain.foundation.events import Cause, Event
from domain.foundation.identifiers import Random
from domain.foundation.secret import Secret
from domain.rules.sessions import refuse_beyond_session_token
from services.ledger.pending_call import CallResult, DecideCall, LedgerAppend, LedgerStates
from services.wire.authentication import VerifiedCredential
from services.wire.fact_rounds import NOTHING_FOUND, FoundFacts
from services.wire.operations import Operation
from services.wire.suggestions import with_suggestion
from services.wire.time_travel import perform_as_of

SealSession = Callable[[SessionClaims, Secret], str]
AS_OF = "as_of"
"""Under which a call's moment of the past stands among its parameters; no operation of AWS has one of this name."""


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """A request whose signature was proved, as far as it could be read."""

    credential: VerifiedCredential
    cause: Cause
    """Without the principal: who that is, the round finds out. Its region is that of the credential scope."""
    operation: Operation | None
    parameters: Mapping[str, Any]
    refusal: Refusal | None = None
    """What was wrong with it before any rule was asked. It is recorded and answered like any other refusal."""
    as_of: str | None = None
    """The moment of the past that it is about; None for now."""


def decision_for(
    request: AuthenticatedRequest, random: Random, seal_session: SealSession, found: FoundFacts = NOTHING_FOUND
) -> DecideCall:
    """The decision on a request, to be submitted to the committer; its result is an Outcome or a Refusal. It may raise
    NeedsFacts, and is then made again with what was found."""

    def decide(values: LedgerStates, at: datetime) -> CallResult:
        account = values[request.credential.account_id]
        assert isinstance(account, Account)
        region = requested_region(account.partition, request.cause.service, request.cause.region)
        try:
            caller = resolve_caller(account, request.credential, at)
        except Refusal as refusal:
            cause = request.cause.model_copy(update={"region": region})
            return CallResult(refusal.as_value(), [LedgerAppend(account.id, cause, [call_record(request, refusal)])])
        cause = request.cause.model_copy(update={"region": region, "principal": caller.principal})
        call = Call(caller, cause, at, random, seal_session, ledgers=values, facts=found.facts)
        events = _use_of_credential(account, call)
        try:
            outcome = _perform(account, call, request, found)
        except Refusal as refusal:
            return CallResult(refusal.as_value(), _appends(account, call, events, call_record(request, refusal, call)))
        events += outcome.events
        record = call_record(request, outcome.refusal, call)
        return CallResult(outcome.refusal or outcome, _appends(account, call, events, record, outcome), outcome.then)

    return decide


def resolve_caller(account: Account, credential: VerifiedCredential, at: datetime) -> Caller:
    if credential.session is not None:
        return caller_of_session(account, credential.session, at)
    return caller_of_key(account, credential.access_key_id)


def _perform(account: Account, call: Call, request: AuthenticatedRequest, found: FoundFacts) -> Outcome:
    if (refusal := found.refusal or request.refusal) is not None:
        raise with_suggestion(account, call, refusal)
    operation = request.operation
    assert operation is not None
    parameters = dict(request.parameters)
    for name, value in parameters.items():
        if _visible(value) != value:
            raise ValidationError(
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                "Member must be free of U+0000 and of lone surrogates"
            )
    refuse_beyond_session_token(call, operation.service, operation.name)
    return _with_descents(account, call, _answered(account, call, request, operation, parameters, found))


def _answered(
    account: Account,
    call: Call,
    request: AuthenticatedRequest,
    operation: Operation,
    parameters: dict[str, Any],
    found: FoundFacts,
) -> Outcome:
    if request.as_of is not None:
        return perform_as_of(account, call, operation, parameters, request.as_of, found.past)
    if operation.on is not None:
        target = operation.on(account, call, parameters)
        context = operation.context(account, parameters)
        authorize(account, call, operation.action, target.arn, context, named=target.named)
    return operation.call(account, call, parameters)


def _with_descents(account: Account, call: Call, outcome: Outcome) -> Outcome:
    """What somebody can act with or as carries its descent; the account does not know that of a session. Raises
    LimitExceeded when it is too long."""
    events = list[Event]()
    for event in outcome.events:
        events.append(event)
        if isinstance(event, MakesActor):
            descent = event.made_with(account, descent_of(account, call.caller), call.cause, call.at)
            refuse_too_long(descent)
            if call.caller.session is not None:
                events.append(DescentRecorded(descendant_id=descent.links[0].id, descent=descent))
    return replace(outcome, events=events) if len(events) > len(outcome.events) else outcome


def _use_of_credential(account: Account, call: Call) -> list[Event]:
    """The last use of a long-term key, or of a role by one of its sessions, counts whether the call is allowed or not,
    as in AWS."""
    caller = call.caller
    role = caller.session is not None and caller.principal.type == "AssumedRole"
    if caller.session is not None and not role:
        return []
    credential_id = caller.entity_id if role else caller.access_key_id
    if not is_news(account[LAST_USES], credential_id, call.at):
        return []
    return [
        CredentialUsed(
            credential="role" if role else "access_key",
            credential_id=credential_id,
            service=call.cause.service,
            region=call.cause.region or "",
        )
    ]


def call_record(request: AuthenticatedRequest, refusal: Refusal | None, call: Call | None = None) -> ApiCalled:
    """The record of the call itself. Only parameters on the operation's allow-list, and only parsed ones, go in."""
    operation = request.operation
    recorded = operation.recorded if operation is not None else frozenset[str]()
    parameters = {name: _visible(value) for name, value in request.parameters.items() if name in recorded}
    if request.as_of is not None:
        parameters[AS_OF] = storable_text(request.as_of)
    return ApiCalled(
        read_only=operation is None or operation.read_only,
        parameters=parameters,
        error_code=refusal.code if refusal else None,
        error_message=storable_text(refusal.message) if refusal else None,
        decisions=tuple(call.decisions) if call else (),
    )


def storable_text(text: str) -> str:
    """U+0000 and lone surrogates, which PostgreSQL's JSON does not take and which an attacker sends, become visible
    escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()


def _visible(value: object) -> object:
    """A parameter with every text in it made storable."""
    match value:
        case str():
            return storable_text(value)
        case list():
            return [_visible(inner) for inner in value]
        case dict():
            return {storable_text(name): _visible(inner) for name, inner in value.items()}
        case _:
            return value


def _appends(
    account: Account, call: Call, events: list[Event], record: ApiCalled, outcome: Outcome | None = None
) -> list[LedgerAppend]:
    """The call's own events and its record in the caller's ledger, and what belongs in others'."""
    secrets = (outcome.new_secrets, outcome.destroyed_secrets) if outcome else ((), ())
    appends = [LedgerAppend(account.id, call.cause, [*events, record], *secrets)]
    elsewhere = outcome.elsewhere if outcome else {}
    for other in sorted(call.concerned | elsewhere.keys()):
        recorded = [record] if other in call.concerned else []
        appends.append(LedgerAppend(other, call.cause, [*elsewhere.get(other, ()), *recorded]))
    return appends
