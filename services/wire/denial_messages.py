"""Why a call was denied: the message that its answer carries, and what the message says when it is decoded.

The message is a reference into the ledger, not a copy of the explanation: it costs a denied call some microseconds
after the commit, has always the same length, and what it says is what `muniment explain` says.
"""

import json
from collections.abc import Iterable

from domain.foundation.events import Entry, Principal
from domain.policy import Match, Result
from domain.queries.reevaluation import CannotReevaluate, Reevaluation
from services.ledger.historical_states import HistoricalStates
from services.ledger.recorder import ConnectionSource
from services.ledger.reevaluation import call_at, reevaluate
from services.secrets.authorization_messages import AuthorizationMessages

_RESOURCE_TAG = ":resourcetag/"

MessageDocument = dict[str, object]


class DenialMessages:
    def __init__(self, messages: AuthorizationMessages, readers: ConnectionSource, past: HistoricalStates) -> None:
        self._messages = messages
        self._readers = readers
        self._past = past

    def message(self, account_id: str, position: int) -> str:
        """Of the denied call whose record stands at the position."""
        return self._messages.seal(account_id, position)

    def decoded(self, account_id: str, message: str) -> str | None:
        """What the message says to the account that it was given to, from the ledger alone. None where it is none of
        this account's, or the ledger does not have any more what the decision was made from. Blocks as long as folding
        the account takes.
        """
        position = self._messages.open(message, account_id)
        if position is None:
            return None
        with self._readers() as connection, connection.cursor() as cursor:
            found = call_at(cursor, self._past.mapper, account_id, position)
            if found is None:
                return None
            entry, event = found
            try:
                # A call ends with the decision that denies it.
                *_, denied = reevaluate(cursor, self._past, entry, event.decisions[-1:])
            except CannotReevaluate:
                return None
        return json.dumps(message_document(entry, denied))


def message_document(entry: Entry, made: Reevaluation) -> MessageDocument:
    """As STS writes it (AWS CLI Command Reference, "decode-authorization-message", Examples), and besides for each
    statement the policy that it stands in. Of another account's policies there is no more than that."""
    principal, decision, request = entry.cause.principal, made.explanation.decision, made.check.request
    assert principal is not None
    across = len(made.check.read) > 1
    return {
        "allowed": decision.result is Result.ALLOWED,
        "explicitDeny": decision.result is Result.EXPLICITLY_DENIED,
        "matchedStatements": _items(_statement(match, made, entry) for match in decision.matched),
        "failures": _items(()),
        "context": {
            "principal": {"id": principal.principal_id, **_name(principal), "arn": principal.arn},
            "action": request.action,
            "resource": request.resource,
            "conditions": _items(
                {"key": key, "values": _values(request.context[key])}
                for key in request.context
                # How another account tags its roles is not for us to tell.
                if not (across and _RESOURCE_TAG in key)
            ),
        },
    }


def _name(principal: Principal) -> MessageDocument:
    return {} if principal.user_name is None else {"name": principal.user_name}


def _statement(match: Match, made: Reevaluation, entry: Entry) -> MessageDocument:
    statement, policy = match.statement, match.sourced
    told: MessageDocument = {
        "policy": {
            "id": policy.source_id,
            "versionId": policy.version_id,
            "sha256": policy.policy.sha256,
            "statementIndex": statement.index,
        },
        "effect": statement.effect.value.upper(),
    }
    if made.account_of(match.layer) != entry.account_id:
        return told
    assert entry.cause.principal is not None
    attached = (entry.cause.principal.principal_id.partition(":")[0],)
    return told | {
        "statementId": statement.sid or "",
        "principals": _values(attached if statement.principals is None else statement.principals.texts),
        "principalGroups": _items(()),
        "actions": _values(statement.actions.texts),
        "resources": _values(() if statement.resources is None else statement.resources.texts),
        "conditions": _items(
            {"operator": condition.operator, "key": condition.key, "values": _values(condition.wanted)}
            for condition in statement.conditions
        ),
    }


def _items(items: Iterable[object]) -> MessageDocument:
    return {"items": list(items)}


def _values(values: Iterable[str]) -> MessageDocument:
    return _items({"value": value} for value in values)
