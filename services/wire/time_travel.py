"""Operations that read, answered from the past (docs/adr/0022).

Under /as-of/<moment>/ stands everything that the AWS endpoint answers otherwise. Whoever calls is proved now and must
be allowed now, on the resource as it was; then the operation runs on the account as it was, which it cannot tell from
one of today. Nothing is written for a past: an operation that writes is refused before, and one that was mistaken for a
reading one is refused after it has run.
"""

from dataclasses import replace
from typing import Any, NamedTuple, Self
from urllib.parse import unquote_to_bytes

from domain.account import Account
from domain.authorization import authorize, authorize_past
from domain.calls import Call, NeedsAccounts, NeedsFacts, Outcome
from domain.foundation.errors import Throttling, ValidationError
from domain.foundation.moments import format_rfc3339
from domain.time_travel import TIME_TRAVEL, PastFacts, PastQuery
from services.wire.errors import UnknownPath
from services.wire.operations import Operation

PREFIX = b"/as-of/"


class RequestPath(NamedTuple):
    """A path as it came, parted from the moment of the past that it may stand behind."""

    moment: str | None
    """None for a path of the present. What the moment is, and whether it is one, is told later."""
    prefix: bytes
    """Up to the moment, and empty without one."""
    path: bytes

    @classmethod
    def split(cls, raw_path: bytes) -> Self:
        if not raw_path.startswith(PREFIX):
            return cls(None, b"", raw_path)
        moment, slash, rest = raw_path.removeprefix(PREFIX).partition(b"/")
        return cls(unquote_to_bytes(moment).decode("utf-8", "backslashreplace"), PREFIX + moment, slash + rest or b"/")

    def behind_moment(self, signed: bytes) -> bytes:
        """Of a whole path that was signed, what stands behind the moment. Raises UnknownPath if the path was respelt so
        that it leads elsewhere."""
        path = signed.removeprefix(self.prefix) or b"/"
        if not signed.startswith(self.prefix) or not path.startswith(b"/"):
            raise UnknownPath("The path leads out of the moment that it begins with.")
        return path


def perform_as_of(
    account: Account, call: Call, operation: Operation, parameters: dict[str, Any], moment: str, past: PastFacts | None
) -> Outcome:
    """Raises refusals, and NeedsFacts as long as there is not enough of the past."""
    if not operation.tells_past:
        raise _changes(operation)
    # Asked before the past is folded, which is work. So it cannot be about the resource that was then.
    authorize(account, call, TIME_TRAVEL, account.arn(f"as-of/{operation.service}/{operation.name}", "muniment"))
    if past is None:
        raise _wanted(call, moment, account.id)
    then = past.ledgers[account.id]
    assert isinstance(then, Account)
    if not then.exists:
        assert account.created_at is not None
        raise ValidationError(
            f"The account {account.id} did not exist yet at {moment}. It began at "
            f"{format_rfc3339(account.created_at)}, which is p1."
        )
    # The decisions of both are the same list: one call is recorded.
    call_then = replace(call, at=past.at, ledgers=past.ledgers)
    try:
        if operation.on is not None:
            target = operation.on(then, call_then, parameters)
            context = {**operation.context(then, parameters), **target.context}
            authorize_past(account, then, call, operation.action, target.arn, context, named=target.named)
        outcome = operation.call_as_of(then, call_then, parameters)
    except NeedsAccounts as more:
        raise _wanted(call, moment, account.id, *sorted(past.ledgers.keys() - {account.id} | more.accounts)) from None
    if outcome.events or outcome.elsewhere or outcome.new_secrets or outcome.destroyed_secrets or outcome.new_texts:
        raise _changes(operation)
    return replace(outcome, answer=lambda _now: outcome.answer(then))


def _wanted(call: Call, moment: str, *account_ids: str) -> NeedsFacts:
    return NeedsFacts(
        PastQuery(moment, call.at, account_ids), unsettled=Throttling("The past could not be found out in time.")
    )


def _changes(operation: Operation) -> ValidationError:
    return ValidationError(
        f"{operation.action} changes state, and the past cannot be changed: under /as-of/ only read-only operations "
        "are answered."
    )
