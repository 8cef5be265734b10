"""The commands that ask: history, permissions, who-can, can-assume, sessions, credentials and explain."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pydantic

from domain.identifiers import account_of_arn
from domain.policy import Effect
from projections.credentials import Credential, LastUsed, Password
from projections.permissions import HeldPolicy
from services.api import answers
from services.api.access import CanAssume, PrincipalAccess, PrincipalsPage, WhoCan
from services.api.questions import (
    ROWS_MAX,
    ExplainDecision,
    ListCredentials,
    ListPermissions,
    ListSessions,
    LookupHistory,
    Question,
    RevokeSession,
)
from services.api.reach import Granted, StatementName
from services.cli.failures import Failure, NotUnderstood
from services.cli.output import Column, JsonLines, line, output, say, table, time
from services.settings import SettingRefused, settings

A = TypeVar("A", bound=answers.Answer)
P = TypeVar("P", bound=answers.Page)
T = TypeVar("T")


class Asked(Protocol):
    """Whoever answers questions: a server, or the database."""

    def ask(self, question: Question[A]) -> A: ...


@contextmanager
def asked(chosen: argparse.Namespace) -> Iterator[Asked]:
    # Each of the two is slow to import, and only one is needed.
    if not chosen.local:
        from services.cli.remote import Remote  # noqa: PLC0415

        yield Remote(chosen.profile, chosen.endpoint_url)
        return
    from services.cli.local import opened  # noqa: PLC0415

    try:
        found = settings(os.environ, data=chosen.data)
    except SettingRefused as error:
        raise Failure(str(error)) from error
    with opened(found, chosen.account_id) as operator:
        yield operator


def history(chosen: argparse.Namespace) -> None:
    filters = ("access_key_id", "session_id", "principal", "source_address", "operation", "error_code")
    parameters = {name: getattr(chosen, name) for name in (*filters, "since", "until", "as_of")}
    if not _show(chosen, LookupHistory, parameters, lambda page: page.calls, HISTORY, chosen.limit):
        say("No call fits.")


def permissions(chosen: argparse.Namespace) -> None:
    with asked(chosen) as answering:
        found = answering.ask(_meant(ListPermissions, {"principal": chosen.principal, "as_of": chosen.as_of}))
    if chosen.output == "json":
        JsonLines().show([found])
        return
    table(PERMISSIONS).show(found.policies)
    if not found.policies:
        say(f"The {found.kind} {found.name} held no policy at position {found.position}.")
        return
    sys.stdout.write("\n")
    table(REACH).show([granted for layer in found.can for granted in (*layer.allows, *layer.denies)])


def who_can(chosen: argparse.Namespace) -> None:
    parameters = {"action": chosen.action, "on": chosen.resource, "everybody": chosen.everybody or None}
    _show_principals(chosen, WhoCan, parameters, f"Nobody can {chosen.action} on {chosen.resource}.")


def can_assume(chosen: argparse.Namespace) -> None:
    parameters = {"role": chosen.role, "everybody": chosen.everybody or None}
    _show_principals(chosen, CanAssume, parameters, f"Nobody can assume {chosen.role}.")


def _show_principals(
    chosen: argparse.Namespace, question: type[Question[PrincipalsPage]], parameters: Mapping[str, object], if_none: str
) -> None:
    parameters = {**parameters, "as_of": chosen.as_of}
    if not _show(chosen, question, parameters, lambda page: page.principals, PRINCIPALS):
        say(if_none)


def sessions(chosen: argparse.Namespace) -> None:
    parameters = {"active": chosen.active or None, "as_of": chosen.as_of}
    if not _show(chosen, ListSessions, parameters, lambda page: page.sessions, SESSIONS):
        say("There was no active session." if chosen.active else "There was no session.")


def credentials(chosen: argparse.Namespace) -> None:
    if not _show(chosen, ListCredentials, {"as_of": chosen.as_of}, lambda page: page.credentials, CREDENTIALS):
        say("There was no access key and no password.")


def explain(chosen: argparse.Namespace) -> None:
    """Raises Failure after it has shown a decision that does not come out as it was recorded."""
    with asked(chosen) as answering:
        call = answering.ask(_meant(ExplainDecision, {"request_id": chosen.request_id}))
    if chosen.output == "json":
        JsonLines().show([call])
    else:
        _show_explained(call)
    if differing := [decision for decision in call.decisions if not decision.agrees]:
        told = "; ".join(_difference(decision) for decision in differing)
        raise Failure(f"NOT AS RECORDED at position {call.position} of account {call.account_id}: {told}")


def _show_explained(call: answers.ExplainedCall) -> None:
    who = "somebody" if call.principal_arn is None else _short(call.principal_arn, call.account_id)
    line(f"{time(call.at)} {who} called {call.service}:{call.operation}: {call.error_code or 'ok'}")
    if not call.decisions:
        line("No policy was asked.")
    for decision in call.decisions:
        line("")
        line(f"{decision.action} on {decision.resource}: {decision.verdict}")
        for key, values in decision.context.items():
            line(f"  {key} was {', '.join(values)}")
        for key in decision.missing_keys:
            line(f"  {key} was not there")
        table(_explained(call.account_id)).show(decision.statements)


def _difference(decision: answers.ExplainedDecision) -> str:
    told = (
        f"{decision.action} was recorded as {decision.recorded_result} ({decision.recorded_layer}), and comes out as "
        f"{decision.result} ({decision.layer})"
    )
    if decision.recorded_evaluator == decision.evaluator:
        return f"{told}. The ledger is not what it was, or the evaluation: see `muniment verify`"
    return f"{told}. It was decided by evaluator {decision.recorded_evaluator}, and now by {decision.evaluator}"


def revoke_session(chosen: argparse.Namespace) -> None:
    with asked(chosen) as answering:
        revoked = answering.ask(_meant(RevokeSession, {"session_id": chosen.session_id}))
    output(chosen.output, REVOKED).show([revoked])


def _show(
    chosen: argparse.Namespace,
    question: type[Question[P]],
    parameters: Mapping[str, object],
    rows_of: Callable[[P], Sequence[T]],
    columns: Sequence[Column[T]],
    rows_max: int | None = None,
) -> int:
    """Asks page after page and shows each when it has come. Gives the number of rows."""
    showing = output(chosen.output, columns)
    shown, marker = 0, None
    with asked(chosen) as answering:
        while rows_max is None or shown < rows_max:
            size = ROWS_MAX if rows_max is None else min(ROWS_MAX, rows_max - shown)
            page = answering.ask(_meant(question, {**parameters, "limit": size, "marker": marker}))
            rows = rows_of(page)
            showing.show(rows)
            shown += len(rows)
            marker = page.marker
            if marker is None:
                break
    return shown


def _meant(question: type[Question[A]], parameters: Mapping[str, object]) -> Question[A]:
    """Raises NotUnderstood for what no server would take."""
    try:
        return question.model_validate({name: value for name, value in parameters.items() if value is not None})
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise NotUnderstood(f"{first['loc'][0]} cannot be {str(first['input'])!r}: {first['msg']}") from error


def _principal(call: answers.Call) -> str | None:
    """The ARN, or the operator."""
    if call.principal_arn is None:
        return None if call.operator is None else f"operator {call.operator}"
    return _short(call.principal_arn, call.account_id)


def _short(arn: str, account_id: str) -> str:
    """Without what all ARNs of the account have in common; whole where it is another account's."""
    return _resource(arn) if account_of_arn(arn) == account_id else arn


def _resource(arn: str) -> str:
    return arn.split(":", 5)[-1]


def _result(call: answers.Call) -> str:
    result = call.error_code or "ok"
    return result if call.requests == 1 else f"{result} ({call.requests} times)"


def _listed(texts: Sequence[str], *, negated: bool) -> str:
    return ("all but " if negated else "") + ", ".join(texts)


def _conditions(conditions: Mapping[str, Mapping[str, Sequence[str]]]) -> str | None:
    told = [
        f"{operator} {key} {' or '.join(values)}"
        for operator, keys in conditions.items()
        for key, values in keys.items()
    ]
    return "; ".join(told) or None


def _statement(name: StatementName) -> str:
    return f"{name.source_id} {name.sid or name.index}"


def _dependences(found: PrincipalAccess) -> Iterator[str]:
    for dependence in found.depends_on:
        verb = "if" if dependence.statement.effect is Effect.ALLOW else "unless"
        yield f"{verb} {' and '.join(dependence.conditions)}"


def _minter(session: answers.Session) -> str:
    return _short(session.minted_by_arn, account_of_arn(session.entity_arn) or "")


def _state(session: answers.Session) -> str:
    if session.active:
        return "active"
    if session.revoked_at is not None:
        return "revoked " + time(session.revoked_at)
    return "expired" if session.orphaned_at is None else "orphaned " + time(session.orphaned_at)


def _status(held: Credential | Password) -> str:
    if isinstance(held, Credential):
        return held.status
    if held.expired:
        return "expired"
    return "to be reset" if held.reset_required else "Active"


def _last_used(held: Credential | Password) -> LastUsed | None:
    return held.last_used if isinstance(held, Credential) else None


def _notice(held: Credential | Password) -> str | None:
    """What the scheduler has told of a key, and what stands."""
    if isinstance(held, Password):
        return None
    told = [f"rotation {held.rotation}"] if held.rotation else []
    return ", ".join([*told, "idle"] if held.idle else told) or None


def _policy(statement: answers.ExplainedStatement) -> str:
    version = f" {statement.version_id}" if statement.version_id else ""
    return f"{statement.source_type} {statement.source_id}{version}"


def _mismatch(statement: answers.ExplainedStatement) -> str | None:
    found = statement.mismatch
    if found is None:
        return None
    return f"{found.element}: {', '.join(found.had) or 'nothing'}, wanted {' or '.join(found.wanted)}"


def _explained(account_id: str) -> Sequence[Column[answers.ExplainedStatement]]:
    def layer(statement: answers.ExplainedStatement) -> str:
        place = statement.level or (statement.account_id if statement.account_id != account_id else "")
        return f"{statement.layer} {place}".rstrip()

    return (
        Column("LAYER", layer),
        Column("POLICY", _policy, shrinks=True),
        Column("STATEMENT", lambda statement: f"{statement.index} {statement.sid or ''}".rstrip()),
        Column("EFFECT", lambda statement: statement.effect),
        Column("APPLIES", lambda statement: "yes" if statement.applies else "no"),
        Column("FIRST MISMATCH", _mismatch, shrinks=True),
    )


HISTORY: Sequence[Column[answers.Call]] = (
    # A position of the installation's ledger, where strangers' calls stand, is none of this account's.
    Column("POSITION", lambda call: None if call.concerns_account_id else str(call.position)),
    Column("TIME", lambda call: time(call.at)),
    Column("SOURCE", lambda call: call.source_address),
    Column("PRINCIPAL", _principal, shrinks=True),
    Column("OPERATION", lambda call: f"{call.service}:{call.operation}".strip(":"), shrinks=True),
    Column("RESULT", _result),
    Column("USER AGENT", lambda call: call.user_agent, shrinks=True),
)
PERMISSIONS: Sequence[Column[HeldPolicy]] = (
    Column("POLICY", lambda held: held.policy_arn or held.policy_name, shrinks=True),
    Column("VERSION", lambda held: held.version_id or "inline"),
    Column("THROUGH", lambda held: f"group {held.through.group_name}" if held.through else None, shrinks=True),
    Column("SINCE", lambda held: time(max(held.since.at, held.through.since.at) if held.through else held.since.at)),
    Column("BY", lambda held: held.since.by, shrinks=True),
)
REACH: Sequence[Column[Granted]] = (
    Column("LAYER", lambda granted: granted.statement.layer.value),
    Column("EFFECT", lambda granted: granted.statement.effect.value),
    Column("ACTION", lambda granted: _listed(granted.action, negated=granted.not_action), shrinks=True),
    Column("RESOURCE", lambda granted: _listed(granted.on, negated=granted.not_on), shrinks=True),
    Column("CONDITION", lambda granted: _conditions(granted.conditions), shrinks=True),
    Column("POLICY", lambda granted: _statement(granted.statement), shrinks=True),
)
PRINCIPALS: Sequence[Column[PrincipalAccess]] = (
    Column("PRINCIPAL", lambda found: found.arn),
    Column("ACCESS", lambda found: found.access),
    Column("REASON", lambda found: found.reason, shrinks=True),
    Column("DEPENDS ON", lambda found: ", ".join(dict.fromkeys(_dependences(found))), shrinks=True),
)
SESSIONS: Sequence[Column[answers.Session]] = (
    Column("SESSION", lambda session: session.session_id),
    Column("PRINCIPAL", lambda session: _resource(session.principal_arn), shrinks=True),
    Column("MINTED BY", _minter, shrinks=True),
    Column("ISSUED", lambda session: time(session.issued_at)),
    Column("EXPIRES", lambda session: time(session.expires_at)),
    Column("STATE", _state),
    Column("ACCESS KEY", lambda session: session.access_key_id),
    Column("SOURCE", lambda session: session.source_address),
)
CREDENTIALS: Sequence[Column[Credential | Password]] = (
    Column("CREDENTIAL", lambda held: "password" if isinstance(held, Password) else held.access_key_id),
    Column("USER", lambda held: held.user_name or "root", shrinks=True),
    Column("STATUS", _status),
    Column("CREATED", lambda held: time((held.changed if isinstance(held, Password) else held.created).at)),
    Column("AGE DAYS", lambda held: str(held.age_days)),
    Column("EXPIRES", lambda held: time(held.expires_at) if isinstance(held, Password) and held.expires_at else None),
    Column("LAST USED", lambda held: time(used.at) if (used := _last_used(held)) else None),
    Column("SERVICE", lambda held: used.service if (used := _last_used(held)) else None),
    Column("REGION", lambda held: used.region if (used := _last_used(held)) else None),
    Column("NOTICE", _notice),
)
REVOKED: Sequence[Column[answers.RevokedSession]] = (
    Column("SESSION", lambda revoked: revoked.session_id),
    Column("PRINCIPAL", lambda revoked: _resource(revoked.principal_arn), shrinks=True),
    Column("REVOKED", lambda revoked: time(revoked.revoked_at)),
    Column("POSITION", lambda revoked: str(revoked.revoked_position)),
)
