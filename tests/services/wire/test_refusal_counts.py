"""Refusals beyond so many of a kind are counted: exactly, and so that none hides another."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted
from domain.foundation.errors import AccessDenied, NoSuchEntity, Refusal
from domain.foundation.events import Cause, Principal
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, DecideCall, LedgerAppend, LedgerUnavailable
from services.wire import refusal_counts
from services.wire.refusal_counts import (
    BETWEEN_RECORDED,
    NAMED_BYTES_MAX,
    NAMED_MAX,
    ORIGINS_MAX,
    RECORDED_AT_ONCE_MAX,
    RefusalCounts,
    RefusalRecorder,
    RefusedCall,
)

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACCOUNT, STRANGER = "123456789012", "210987654321"


class Ledgers:
    """Stands for the committer: keeps what is appended, unless there is no database."""

    def __init__(self) -> None:
        self.appends: list[LedgerAppend] = []
        self.away = False

    def begin(self, _accounts: frozenset[str], decide: DecideCall) -> Future[CallResult]:
        answer: Future[CallResult] = Future()
        if self.away:
            answer.set_exception(LedgerUnavailable("away"))
            return answer
        decided = decide({}, AT)
        self.appends += decided.appends
        answer.set_result(decided)
        return answer

    def events(self, account_id: str = ACCOUNT) -> Sequence[tuple[Cause, RefusalsCounted]]:
        found = [(each.cause, event) for each in self.appends if each.account_id == account_id for event in each.events]
        return cast("Sequence[tuple[Cause, RefusalsCounted]]", found)


def refused(
    operation: str = "GetUser",
    *,
    by: str = "AIDAANN",
    key: str = "AKIAANN",
    seconds: float = 0,
    address: str = "192.0.2.1",
    refusal: Refusal | None = None,
    on: str = f"arn:aws:iam::{ACCOUNT}:user/ada",
    accounts: tuple[str, ...] = (ACCOUNT,),
    is_known: bool = True,
) -> RefusedCall:
    principal = Principal(
        type="AssumedRole" if by.startswith("AROA") else "IAMUser",
        principal_id=f"{by}:{key}" if by.startswith("AROA") else by,
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/{key}",
        account_id=ACCOUNT,
    )
    cause = Cause(
        origin="api",
        request_id=f"{key}{seconds}",
        shared_id=f"{key}{seconds}",
        service="iam",
        operation=operation,
        principal=principal,
        access_key_id=key,
        peer_address=address,
    )
    decision = DecisionRecord(
        action="iam:GetUser",
        resources=(on,),
        result="implicitly denied",
        layer="identity",
        matched=(),
        context={},
        positions={ACCOUNT: 7},
        evaluator=2,
    )
    record = ApiCalled(read_only=True, parameters={"user_name": "ada"}, decisions=(decision,))
    at = AT + timedelta(seconds=seconds)
    return RefusedCall(refusal or AccessDenied("no"), record, cause, accounts, at, by, principal, is_known)


@pytest.fixture
def ledgers() -> Ledgers:
    return Ledgers()


@pytest.fixture
def recorder(ledgers: Ledgers) -> RefusalRecorder:
    return RefusalRecorder(cast("Committer", ledgers), RefusalCounts())


def met(recorder: RefusalRecorder, *calls: RefusedCall) -> int:
    """Decides and answers them as the server does; how many were recorded by themselves."""
    recorded = [recorder.is_recorded(call) for call in calls]
    for call, alone in zip(calls, recorded, strict=True):
        if not alone:
            recorder.count(call)
    return sum(recorded)


def test_none_is_lost(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """Each of many refusals is recorded or counted, with the time of the first and the last that was counted; after a
    pause one is recorded again."""
    assert met(recorder, *(refused(seconds=number / 1_000) for number in range(5_000))) == RECORDED_AT_ONCE_MAX
    asyncio.run(recorder.flush())
    ((cause, event),) = ledgers.events()
    assert event.count == 5_000 - RECORDED_AT_ONCE_MAX
    assert (event.first, event.last) == (AT + timedelta(seconds=0.050), AT + timedelta(seconds=4.999))
    assert (event.error_code, cause.operation, cause.access_key_id) == ("AccessDenied", "GetUser", "AKIAANN")
    assert cause.request_id == "AKIAANN0.05"
    assert event.named == (f"arn:aws:iam::{ACCOUNT}:user/ada", "user/ada")
    asyncio.run(recorder.flush())
    assert len(ledgers.events()) == 1
    later = 5 + BETWEEN_RECORDED.total_seconds()
    assert met(recorder, refused(seconds=later), refused(seconds=later)) == 1


@pytest.mark.parametrize(
    "other",
    [
        refused("ListUsers"),
        refused(by="AIDABOB", key="AKIABOB"),
        refused(refusal=NoSuchEntity("no")),
        refused(accounts=(ACCOUNT, STRANGER)),
    ],
    ids=["operation", "principal", "error code", "other account"],
)
def test_noise_hides_nothing(recorder: RefusalRecorder, other: RefusedCall) -> None:
    """However many refusals there are of one kind, the first of another is recorded by itself."""
    met(recorder, *(refused() for _ in range(1_000)))
    assert met(recorder, other) == 1


def test_names_that_a_caller_makes_up_are_one_kind(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """Of operations that there are not; what is counted of them names none."""
    assert met(recorder, *(refused(f"Get{number}", is_known=False) for number in range(100))) == RECORDED_AT_ONCE_MAX
    asyncio.run(recorder.flush())
    ((cause, event),) = ledgers.events()
    assert (cause.service, cause.operation, event.count) == ("", "", 50)


def test_both_accounts_are_told(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """A refusal into another account is counted in both ledgers, under one shared id."""
    met(recorder, *(refused(accounts=(ACCOUNT, STRANGER)) for _ in range(60)))
    asyncio.run(recorder.flush())
    assert ledgers.events() == ledgers.events(STRANGER)
    assert [event.count for _, event in ledgers.events(STRANGER)] == [10]


def test_sessions_without_number(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """Sessions of one role share a bucket, and some are told apart; the others are counted together, under none of
    their names."""
    met(recorder, *(refused(by="AROAOPS", key=f"ASIA{number}") for number in range(RECORDED_AT_ONCE_MAX)))
    assert met(recorder, *(refused(by="AROAOPS", key=f"ASIA{number}") for number in range(100))) == 0
    asyncio.run(recorder.flush())
    told = ledgers.events()
    assert len(told) == ORIGINS_MAX + 1
    assert sum(event.count for _, event in told) == 100
    cause, event = told[-1]
    assert cause.principal is not None
    assert (cause.access_key_id, cause.peer_address, event.count) == (None, None, 100 - ORIGINS_MAX)
    assert (cause.principal.principal_id, cause.principal.arn) == (
        "AROAOPS:*",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/*",
    )


def test_what_they_were_about_is_bounded(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """Some of it is named, and of how many calls it is not."""
    met(recorder, *(refused(on=f"arn:aws:iam::{ACCOUNT}:user/{number}") for number in range(150)))
    asyncio.run(recorder.flush())
    ((_, event),) = ledgers.events()
    assert len(event.named) == NAMED_MAX
    assert event.named_not_kept == 100 - (NAMED_MAX - 1)
    met(recorder, *(refused(on=f"arn:{'x' * 5_000}{number}") for number in range(100)))
    asyncio.run(recorder.flush())
    assert sum(len(name) for name in ledgers.events()[-1][1].named) <= NAMED_BYTES_MAX


def test_too_many_kinds(recorder: RefusalRecorder, ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind that was not met for longest is forgotten, never one with something counted: when all have that, further
    kinds are recorded one by one."""
    monkeypatch.setattr(refusal_counts, "KINDS_MAX", 3)
    for name in ("a", "b", "c"):
        met(recorder, *(refused(by=name, key=name) for _ in range(60)))
    assert met(recorder, *(refused(by="d", key="d") for _ in range(200))) == 200
    asyncio.run(recorder.flush())
    assert [event.count for _, event in ledgers.events()] == [10, 10, 10]
    assert met(recorder, *(refused(by="d", key="d") for _ in range(200))) == RECORDED_AT_ONCE_MAX
    assert met(recorder, refused(by="c", key="c")) == 0


def test_a_database_that_is_away(recorder: RefusalRecorder, ledgers: Ledgers) -> None:
    """What could not be written is written by the next flush, once."""
    met(recorder, *(refused() for _ in range(60)))
    ledgers.away = True
    with pytest.raises(LedgerUnavailable):
        asyncio.run(recorder.flush())
    ledgers.away = False
    met(recorder, *(replace(refused(), at=AT + timedelta(seconds=1)) for _ in range(5)))
    for _ in range(2):
        asyncio.run(recorder.flush())
    assert sum(event.count for _, event in ledgers.events()) == 15
