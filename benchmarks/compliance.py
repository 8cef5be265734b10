"""Violations kept up with changes, beside folding alone; and the report of a year of the largest account."""

import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import psycopg

from benchmarks import largest_account
from benchmarks.churn import SMALL, changes
from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from domain.account import Account
from domain.families.access_keys import AccessKeyCreated, AccessKeyDeactivated
from domain.families.credential_use import CredentialUsed
from domain.families.passwords import LoginProfileCreated
from domain.families.users import USERS, UserCreated
from domain.foundation.events import Change
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from domain.foundation.moments import AsOf
from projections.engine.apply import apply_or_halt
from projections.engine.definition import Projection, create_tables
from projections.engine.folded_accounts import FoldedAccounts
from projections.engine.runner import POSITIONS_PER_BATCH_MAX
from services import heap
from services.accounts import operator_cause
from services.api.contract.compliance import ComplianceReport, GetComplianceReport
from services.api.handlers.compliance import answer_compliance_report
from services.api.handlers.handler import AnswerContext
from services.ledger.database import connect
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime

ACCOUNTS, CHANGES_AN_ACCOUNT = 1_000, 1_000
OF_KEYS = 5
"""One change in so many is of a key: made, used again and again, deactivated."""
EVENTS_A_ROUND = 500
KEYS_ARE_USED = 5
"""So many times as often as they are made or deactivated."""
CATCHING_UP_SECONDS_MAX = 900
FRAMEWORK = "cis-5.0"
RATIO, REPORT_MS = "0.2", "1,000"
YEAR = timedelta(days=365)


class _Calendar:
    def __init__(self) -> None:
        self.now = datetime.now(UTC) - YEAR

    def __call__(self) -> datetime:
        return self.now


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        lines = [where, *_followed(place, size), ""]
    with throw_away(directory) as data, store(data) as place:
        lines += _reported(place, size)
    return "\n".join(lines) + "\n"


def _followed(place: Store, size: Size) -> Iterator[str]:
    ledger = place.ledger()
    with ledger.recording():
        accounts = [opened(ledger).account_id for _ in range(size.of(ACCOUNTS))]
        for account_id in accounts:
            _append(ledger, account_id, islice(_life(account_id), CHANGES_AN_ACCOUNT))
    heap.set_old_aside()
    compliance, folded = Projection.load("compliance"), FoldedAccounts()
    folding, following, events = 0.0, 0.0, 0
    with connect(place.database, "projector") as connection:
        create_tables(connection, [compliance])
        connection.execute("set synchronous_commit = off")
        for account_id in accounts:
            head = _head(connection, account_id)
            since = time.perf_counter()
            with connection.transaction(), connection.cursor() as cursor:
                for _ in FoldedAccounts().steps(cursor, account_id, after=0, to=head):
                    pass
            folding += time.perf_counter() - since
            since = time.perf_counter()
            _follow(connection, compliance, account_id, folded, head)
            following += time.perf_counter() - since
            events += head
        (rows,) = connection.execute("select count(*) from views.violations").fetchone() or (0,)
    print(f"fold {events / folding:,.0f}/s, follow {events / following:,.0f}/s", file=sys.stderr)
    yield f"{events:,} changes in {len(accounts):,} accounts, account after account; {rows:,} violations were found.\n"
    yield "| what | events/s | of folding | aim |"
    yield "|---|---:|---:|---:|"
    yield f"| read from the database, decoded and folded | {events / folding:,.0f} | 1 | |"
    followed = f"{events / following:,.0f} | {folding / following:.2f}"
    yield f"| the same, with violations kept up and written | {followed} | {RATIO} |"


def _follow(
    connection: psycopg.Connection, compliance: Projection, account_id: str, folded: FoldedAccounts, head: int
) -> None:
    position = 0
    while position < head:
        read = apply_or_halt(connection, compliance, account_id, POSITIONS_PER_BATCH_MAX, _halted, folded=folded)
        if read is None or read.halted:
            raise NotMeasured(f"The projection of {account_id} stands at {position}.")
        position = read.position


def _reported(place: Store, size: Size) -> Iterator[str]:
    calendar = _Calendar()
    ledger = place.ledger(calendar)
    with ledger.running(), connect(place.database, "reader") as connection, connection.cursor() as cursor:
        account_id = opened(ledger).account_id
        largest_account.enlarge(ledger, account_id, size)
        past = HistoricalStates(EntryMapper())
        account = past.at(cursor, account_id, _head(connection, account_id))
        assert isinstance(account, Account)
        users = [each.id for each in account[USERS]]
        calendar.now += YEAR / 2
        _append(ledger, account_id, (_password(each) for each in users[::2]))
        calendar.now += YEAR / 2
        _append(ledger, account_id, [UserCreated(user_id="AIDALAST", user_name="last", path="/")])
        position = _head(connection, account_id)
        if not ledger.runner.wait(account_id, position, CATCHING_UP_SECONDS_MAX):
            raise NotMeasured("The projections did not come to the end.")
        context = AnswerContext(
            cursor, HistoricalStates(EntryMapper()), account_id, AsOf(calendar.now, position=position)
        )
        question = GetComplianceReport.model_validate({"framework": FRAMEWORK, "since": "p1"})
        times, found = [], 0
        for _ in range(size.repetitions + 1):
            since = time.perf_counter()
            report = answer_compliance_report(question, context)
            times.append((time.perf_counter() - since) * 1e3)
            assert isinstance(report, ComplianceReport)
            found = sum(each.violations for each in report.controls)
    yield f"The largest account, over a year: {len(users):,} users, {found:,} violations of {FRAMEWORK}.\n"
    yield "| report of the year | milliseconds | aim |"
    yield "|---|---:|---:|"
    yield f"| the account's value is not in memory | {times[0]:,.0f} | {REPORT_MS} |"
    yield f"| it is | {spread(times[1:], ',.0f')} | {REPORT_MS} |"


def _life(account_id: str) -> Iterator[Change]:
    """Without end: an account that goes on changing, whose users' keys come, are used, and are deactivated."""
    drawn = random.Random(account_id)  # noqa: S311  the same in every run
    keys: list[tuple[str, str, str]] = []
    users: list[UserCreated] = []
    for number, change in enumerate(changes(account_id, SMALL, Size(1, 1, 1)), 1):
        yield change
        if isinstance(change, UserCreated):
            users.append(change)
        if number % OF_KEYS == 0 and users:
            if not keys or drawn.randrange(KEYS_ARE_USED) == 0:
                of = drawn.choice(users)
                key_id = new_access_key_id(ACCESS_KEY, account_id, drawn.randbytes)
                keys.append((key_id, of.user_id, of.user_name))
                yield AccessKeyCreated(access_key_id=key_id, user_id=of.user_id, user_name=of.user_name)
            elif drawn.randrange(KEYS_ARE_USED) == 0:
                key_id, user_id, user_name = keys.pop()
                yield AccessKeyDeactivated(access_key_id=key_id, user_id=user_id, user_name=user_name)
            else:
                key_id, *_ = drawn.choice(keys)
                yield CredentialUsed(credential="access_key", credential_id=key_id, service="s3", region="us-east-1")


def _password(user_id: str) -> LoginProfileCreated:
    return LoginProfileCreated(user_id=user_id, user_name=user_id, password_id=f"AIPW{user_id}", reset_required=False)


def _append(ledger: LedgerRuntime, account_id: str, events: Iterable[Change]) -> None:
    coming = iter(events)
    while some := list(islice(coming, EVENTS_A_ROUND)):
        append = LedgerAppend(account_id, operator_cause("Live"), some)

        def decide(_values: LedgerStates, _at: datetime, append: LedgerAppend = append) -> CallResult:
            return CallResult(None, [append])

        ledger.committer.decide(frozenset({account_id}), decide)


def _head(connection: psycopg.Connection, account_id: str) -> int:
    row = connection.execute("select position from ledger.heads where account_id = %s", (account_id,)).fetchone()
    assert row is not None
    position: int = row[0]
    return position


def _halted(said: str) -> None:
    raise NotMeasured(said)
