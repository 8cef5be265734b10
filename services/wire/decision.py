"""What happens to a request inside its round: a pure function of the newest values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.account import Account
from domain.authorization import authorize
from domain.call_context import requested_region
from domain.callers import Caller, caller_of_key, caller_of_session, descent_of
from domain.calls import ApiCalled, Call, NeedsFacts, Outcome
from domain.descent import DescentLink, MakesActor, made, refuse_too_long
from domain.families.access_keys import AccessKeyActivated
from domain.families.containment import DescentRecorded
from domain.families.credential_use import LAST_USES, CredentialUsed, is_news
from domain.families.sessions import SessionClaims
from domain.foundation.errors import Refusal, constraint_violation
from domain.foundation.events import Cause, Change, Event
from domain.foundation.identifiers import INSTALLATION, Random
from domain.foundation.secret import Secret, SecretId
from domain.rules.sessions import refuse_beyond_session_token
from services.ledger.pending_call import CallResult, DecideCall, LedgerAppend, LedgerStates
from services.wire.authentication import VerifiedCredential
from services.wire.call_record import call_record, refused_elsewhere, storable
from services.wire.fact_rounds import NOTHING_FOUND, FoundFacts
from services.wire.operations import Operation, refusal_reason
from services.wire.refusal_counts import RefusedCall
from services.wire.service_callers import refusal_without_account, resolve_service
from services.wire.suggestions import with_suggestion
from services.wire.time_travel import perform_as_of

SealSession = Callable[[SessionClaims, Secret, int], str]


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
    source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a service: for whom it calls."""

    @property
    def ledgers(self) -> frozenset[str]:
        """Those that a decision cannot do without."""
        home = frozenset({self.credential.account_id})
        return home if self.credential.service_name is None else home | {INSTALLATION}

    @property
    def ends_access(self) -> bool:
        return self.refusal is None and self.operation is not None and self.operation.ends_access(self.parameters)


def decision_for(
    request: AuthenticatedRequest,
    random: Random,
    seal_session: SealSession,
    found: FoundFacts = NOTHING_FOUND,
    is_recorded: Callable[[RefusedCall], bool] = lambda _refused: True,
) -> DecideCall:
    """The decision on a request, to be submitted to the committer; its result is an Outcome, a Refusal, or, where that
    is not recorded, a RefusedCall. It may raise NeedsFacts, and is then made again with what was found."""

    def refused(account: Account, cause: Cause, at: datetime, refusal: Refusal, call: Call | None = None) -> CallResult:
        this = refused_call(request, cause, refusal.as_value(), at, call)
        events = [] if call is None else _use_of_credential(account, call)
        # The first use of a credential in a while is told, whatever came of it.
        if not events and not is_recorded(this):
            return CallResult(this, [])
        elsewhere, told = refused_elsewhere(this.record, cause)
        others = [LedgerAppend(account_id, told, [elsewhere]) for account_id in this.accounts[1:]]
        return CallResult(this.refusal, [LedgerAppend(account.id, cause, [*events, this.record]), *others])

    def decide(values: LedgerStates, at: datetime) -> CallResult:
        if request.credential.service_name is not None and (stray := _stray_call(request, values, at)) is not None:
            if not is_recorded(stray):
                return CallResult(stray, [])
            return CallResult(stray.refusal, [LedgerAppend(INSTALLATION, request.cause, [stray.record])])
        account = values[request.credential.account_id]
        assert isinstance(account, Account)
        region = requested_region(account.partition, request.cause.service, request.cause.region)
        try:
            caller = _caller(account, values, request.credential, at)
        except Refusal as refusal:
            cause = request.cause.model_copy(update={"region": region})
            return refused(account, cause, at, refusal)
        cause = request.cause.model_copy(update={"region": region, "principal": caller.principal})
        call = Call(caller, cause, at, random, seal_session, ledgers=values, source=request.source, facts=found.facts)
        try:
            outcome = _perform(account, call, request, found)
        except Refusal as refusal:
            return refused(account, cause, at, refusal, call)
        events = [*_use_of_credential(account, call), *outcome.events]
        every = [*outcome.events, *(event for events in outcome.elsewhere.values() for event in events)]
        record = _record(request, outcome.refusal, call, every)
        return CallResult(outcome.refusal or outcome, _appends(account, call, events, record, outcome), outcome.then)

    return decide


def _stray_call(request: AuthenticatedRequest, values: LedgerStates, at: datetime) -> RefusedCall | None:
    """Of a service, and about no account that there is: it is recorded with the installation."""
    try:
        refusal = refusal_without_account(values, request.credential, request.parameters.get("role_arn"))
    except Refusal as unknown:
        refusal = unknown
    if refusal is None:
        return None
    stray = replace(request, credential=replace(request.credential, account_id=INSTALLATION))
    return refused_call(stray, request.cause, refusal.as_value(), at)


def _caller(account: Account, values: LedgerStates, credential: VerifiedCredential, at: datetime) -> Caller:
    if credential.service_name is not None:
        return resolve_service(values, credential)
    return resolve_caller(account, credential, at)


def resolve_caller(account: Account, credential: VerifiedCredential, at: datetime) -> Caller:
    if credential.session is not None:
        return caller_of_session(account, credential.session, at)
    return caller_of_key(account, credential.access_key_id)


def _perform(account: Account, call: Call, request: AuthenticatedRequest, found: FoundFacts) -> Outcome:
    if request.refusal is not None:
        raise with_suggestion(account, call, request.refusal)
    operation = request.operation
    assert operation is not None
    parameters = dict(request.parameters)
    for name, value in parameters.items():
        if storable(value) != value:
            raise constraint_violation(name, "Member must be free of U+0000 and of lone surrogates")
    refuse_beyond_session_token(call, operation.service, operation.name)
    try:
        outcome = _answered(account, call, request, operation, parameters, found)
    except NeedsFacts:
        if found.refusal is None:
            raise
        # Only here, so that the policies were asked by now, and what they said is recorded with it.
        raise with_suggestion(account, call, found.refusal) from None
    return _with_descents(account, call, outcome)


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
        context = {**operation.context(account, parameters), **target.context}
        authorize(account, call, operation.action, target.arn, context, named=target.named)
    return operation.call(account, call, parameters)


def _with_descents(account: Account, call: Call, outcome: Outcome) -> Outcome:
    """What somebody can act with or as carries its descent; the account does not know that of a session. Raises
    LimitExceeded when it is too long."""
    events = list[Event]()
    for event in outcome.events:
        events.append(event)
        if isinstance(event, AccessKeyActivated):
            refuse_too_long(made(account, DescentLink(event.access_key_id), descent_of(account, call.caller)))
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
    if caller.service_name is not None or (caller.session is not None and not role):
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


def _appends(
    account: Account, call: Call, events: list[Event], record: ApiCalled, outcome: Outcome
) -> list[LedgerAppend]:
    """The call's own events and its record in the caller's ledger, and what belongs in others'."""
    destroyed = [*outcome.destroyed_secrets, *_destroyed_by(outcome.events)]
    beside = outcome.new_secrets, destroyed, outcome.new_texts
    appends = [LedgerAppend(account.id, call.cause, [*events, record], *beside)]
    for other in sorted(call.concerned | outcome.elsewhere.keys()):
        recorded = [record] if other in call.concerned else []
        there = outcome.elsewhere.get(other, ())
        appends.append(LedgerAppend(other, call.cause, [*there, *recorded], (), _destroyed_by(there)))
    return appends


def _destroyed_by(events: Iterable[Event]) -> list[SecretId]:
    return [secret_id for event in events if isinstance(event, Change) for secret_id in event.destroyed_secrets()]


def _record(
    request: AuthenticatedRequest, refusal: Refusal | None, call: Call | None, events: Iterable[Event] = ()
) -> ApiCalled:
    decisions = () if call is None else call.decisions
    return call_record(
        request.operation, request.parameters, refusal, as_of=request.as_of, decisions=decisions, events=events
    )


def refused_call(
    request: AuthenticatedRequest, cause: Cause, refusal: Refusal, at: datetime, call: Call | None = None
) -> RefusedCall:
    """Without a call, one of which is not known whether its credential is good for anything."""
    credential, principal = request.credential, cause.principal
    caller_id = credential.access_key_id if principal is None else principal.principal_id
    if credential.session is not None:
        caller_id, principal = credential.session.entity_id, credential.session.principal
    return RefusedCall(
        refusal=refusal,
        record=_record(request, refusal, call),
        cause=cause,
        accounts=(credential.account_id, *(sorted(call.concerned) if call else ())),
        at=at,
        caller_id=caller_id,
        principal=principal,
        is_known=request.operation is not None or refusal_reason(cause.service, cause.operation) is not None,
    )
