"""The committer: the one way into the ledger. Calls wait here for a round; each is answered after its commit."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime

import psycopg

from domain.account import CorruptLedger
from domain.ledger_state import LedgerState
from services.fair_queue import OPERATOR, SERVER, Overloaded, Turn
from services.ledger.arrays import text_array
from services.ledger.call_queue import CALL_SECONDS_MAX, CLOSED_MESSAGE, CallQueue, split_expired
from services.ledger.database import limit_lock_waits
from services.ledger.pending_call import CommittedCall, DecideCall, LedgerUnavailable, PendingCall
from services.ledger.policy_reader import PolicyReader
from services.ledger.recorder import SQL, select
from services.ledger.round import CLOCK_BEHIND_HEAD_MAX, AnsweredCall, RoundPlan, RoundProcessor
from services.ledger.snapshots import count_entities
from services.ledger.state_cache import CachedState, StateCache
from services.ledger.state_loader import StateLoader

CALLS_A_ROUND_MAX = 256
RUNS_MAX = 3
SNAPSHOT_CHANGES_MIN = 100
SNAPSHOT_ENTITIES_A_CHANGE = 3
"""To restore an entity takes a third as long as to fold a change: so no past value costs more than twice what its
snapshot does."""
OVERRAN = "Deciding the call took so long that its round was lost. The call was not recorded."
LATE = f"No round began within {CALL_SECONDS_MAX} s. The call was not recorded."
# Classes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRYABLE_STATES = frozenset({"40", "55"})
"""The transaction was rolled back or could not get a lock, and may succeed as it is."""
_UNAVAILABLE_STATES = frozenset({"08", "25", "53", "57", "58"})
"""Connection, transaction (a standby is read-only), resources (a full disk), the operator (a statement's time is up),
the system's own errors."""

OpenConnection = Callable[[], psycopg.Connection]
Deliver = Callable[[Callable[[], None]], object]
"""How answers reach those who wait: one call a round, such as an event loop's call_soon_threadsafe."""

log = logging.getLogger("muniment.ledger")


class Committer:
    """Two threads make rounds: one that leaves out what other processes hold, and one that waits for it. Two more load
    values outside of rounds.

    A call about an account that another process does not let go of, since it stands still or its machine is gone, gets
    its round when PostgreSQL ends that process's transaction (`database.STATEMENT_SECONDS_MAX` after its last
    statement) and somebody looks again (`call_queue.LOOK_SECONDS_MAX`): after some 2.1 seconds. If that is not the end
    of it, the answer is LedgerUnavailable after `call_queue.CALL_SECONDS_MAX`, and the call is never decided. Others'
    calls are not concerned: rounds that do not wait go on all the time, with all other accounts.
    """

    def __init__(
        self,
        connect: OpenConnection,
        rounds: RoundProcessor,
        *,
        on_commit: Callable[[frozenset[str]], None] = lambda _accounts: None,
        on_snapshot_due: Callable[[LedgerState], None] = lambda _value: None,
    ) -> None:
        self._queue = CallQueue()
        self._rounds = rounds
        self._deliver: Deliver = lambda answer: answer()
        values = StateCache(rounds.mapper)
        self._loader = StateLoader(connect, values, loaded=self._queue.loaded, not_loaded=self._not_loaded)
        self._reader = PolicyReader(lambda call: self.refuse(self._queue.put_back([call])))
        self._threads = [
            _RoundThread(connect, rounds, self._queue, values, self),
            _WaitingRoundThread(connect, rounds, self._queue, values, self),
        ]
        self._ledger_at: datetime | None = None
        self.on_commit = on_commit
        self.on_snapshot_due = on_snapshot_due
        self.refusal_reason: str | None = None
        """Why no call is taken for now; None when calls are. Set from outside, by whoever watches the disk."""

    def deliver_through(self, deliver: Deliver) -> None:
        """From now on answers go through this, one call a round; until then they are given by the round's thread."""
        self._deliver = deliver

    def start(self) -> None:
        for thread in (*self._threads, *self._loader.threads, self._reader):
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether every thread is there to make rounds."""
        return all(thread.is_alive() for thread in (*self._threads, *self._loader.threads, self._reader))

    def refuse_wrong_clock(self, database_now: datetime) -> None:
        """Raises LedgerUnavailable when rounds would, for all accounts or for one that they have come across: this
        server's clock is too far from the database's, or behind the ledger."""
        now = self._rounds.clock()
        self._rounds.refuse_wrong_clock(now, database_now)
        if self._ledger_at is not None and self._ledger_at - now > CLOCK_BEHIND_HEAD_MAX:
            raise LedgerUnavailable(f"This server's clock is {self._ledger_at - now} behind the ledger.")

    def stop(self) -> None:
        """Ends after the rounds that are under way; what still waits is answered LedgerUnavailable."""
        self.close()
        for thread in (*self._threads, *self._loader.threads, self._reader):
            thread.join()

    def close(self) -> None:
        """No round begins any more: what waits, and what is submitted from now on, is answered LedgerUnavailable."""
        self._loader.close()
        self.refuse([*self._queue.close(), *self._reader.close()])

    def submit(self, call: PendingCall) -> None:
        """Queues the call; its reply comes after the commit. Raises Overloaded when too many wait, LedgerUnavailable
        when the ledger is closed or held."""
        if self.refusal_reason is not None:
            raise LedgerUnavailable(self.refusal_reason)
        self._queue.put(call)

    def decide(self, accounts: frozenset[str], decide: DecideCall, *, founding: bool = False) -> CommittedCall:
        """Submits what the operator wants, and waits: for callers that are not on the event loop."""
        return self.begin(accounts, decide, OPERATOR, founding=founding).result()

    def begin(
        self, accounts: frozenset[str], decide: DecideCall, turn: Turn = SERVER, *, founding: bool = False
    ) -> Future[CommittedCall]:
        """Submits, and gives what will have the answer."""
        answer: Future[CommittedCall] = Future()

        def reply(result: CommittedCall | BaseException) -> None:
            if isinstance(result, BaseException):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self.submit(PendingCall(accounts, decide, reply, turn, founding))
        return answer

    def deliver(self, answers: list[AnsweredCall]) -> None:
        def reply_to_all() -> None:
            for call, answer in answers:
                call.reply(answer)

        if answers:
            self._deliver(reply_to_all)

    def refuse(self, calls: list[PendingCall], why: str = CLOSED_MESSAGE) -> None:
        self.deliver([(call, LedgerUnavailable(why)) for call in calls])

    def committed(self, plan: RoundPlan) -> None:
        """What a round leaves behind, for those who wait and for those who follow."""
        self.deliver(plan.answers)
        self.refuse(self._queue.put_back(plan.left))
        self.refuse(self._queue.hold(plan.missed))
        if plan.unread:
            too_many = Overloaded("Too many calls of this account wait for their policies to be read.")
            self.deliver([(call, too_many) for call in self._reader.put(plan.unread)])
        if plan.cold:
            self.refuse(self._queue.load(plan.cold))
            self._loader.load(plan.behind)
        if plan.ahead:
            self._ledger_at = max(plan.ahead.values())
        written = frozenset(entry.account_id for entry in plan.entries)
        if written:
            self.on_commit(written)

    def _not_loaded(self, account_id: str, error: Exception) -> None:
        """Whoever waits for the value gets the error for an answer; the next call tries again."""
        self.deliver([(call, _as_unavailable(error)) for call in self._queue.take_loading(account_id)])


class _RoundThread(threading.Thread):
    """Makes one round after the other until the queue is closed. Its rounds never wait for another process."""

    waits = False

    def __init__(
        self,
        connect: OpenConnection,
        rounds: RoundProcessor,
        queue: CallQueue,
        values: StateCache,
        committer: Committer,
    ) -> None:
        super().__init__(name="muniment-patience" if self.waits else "muniment-rounds", daemon=True)
        self._connect = connect
        self._rounds = rounds
        self._queue = queue
        self._values = values
        self._committer = committer
        self._connection: psycopg.Connection | None = None

    def run(self) -> None:
        calls: list[PendingCall] = []
        try:
            while calls := self._taken():
                calls, late = split_expired(calls)
                self._committer.refuse(late, LATE)
                self._turn(calls, late)
        except BaseException as error:
            # Whatever it is, nothing may be decided after it.
            log.critical("The committer stops: %s", error, exc_info=error)
            self._committer.close()
            self._committer.refuse(calls)
        finally:
            self._disconnect()

    def _taken(self) -> list[PendingCall]:
        return self._queue.take(CALLS_A_ROUND_MAX)

    def _turn(self, calls: list[PendingCall], _late: list[PendingCall]) -> None:
        if calls:
            self._round(calls)

    def _more(self, _works: list[PendingCall]) -> list[PendingCall]:
        """Calls that join the round when it has its locks."""
        return []

    def _round(self, calls: list[PendingCall]) -> RoundPlan | None:
        """Every call has its answer or waits again afterwards. Gives the plan of a round that was committed."""
        plan: RoundPlan | None = None
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor() as cursor:
                plan = self._rounds.lock(cursor, self._values, calls, wait=self.waits)
                calls += self._more(calls)
                self._rounds.decide(plan, calls, wait=self.waits)
                self._rounds.write(cursor, plan)
        except Exception as error:  # noqa: BLE001  every failure has an answer, and the next round goes on
            self._failed(calls, plan, error)
            return None
        # The round is committed. From here every process that makes a round of these accounts sees its events
        # first; a crash before the answers are sent loses the answers, not the facts.
        self._finish(plan)
        return plan

    def _failed(self, calls: list[PendingCall], plan: RoundPlan | None, error: Exception) -> None:
        if self._connection is not None and self._connection.closed:
            self._after_lost_connection(calls, plan, error)
            return
        calls = self._without_overran(calls, plan)
        if isinstance(error, LedgerUnavailable):
            self._committer.deliver([(call, error) for call in calls])
        elif self.waits and isinstance(error, psycopg.errors.LockNotAvailable):
            self._committer.refuse(self._queue.hold(calls, rested=True))
        elif isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in _RETRYABLE_STATES:
            self._again(calls, error)
        elif isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in _UNAVAILABLE_STATES:
            # It is not about one of the calls, and trying each by itself would take as many statements' time. A new
            # connection may find another server: one that became a standby refuses to write.
            self._disconnect()
            self._committer.deliver([(call, LedgerUnavailable(str(error))) for call in calls])
        elif len(calls) <= 1:
            self._committer.deliver([(call, _as_unavailable(error)) for call in calls])
        else:
            # Something in this round cannot be written. It is found in twice the logarithm of so many rounds, and the
            # others succeed.
            middle = len(calls) // 2
            for half in (calls[:middle], calls[middle:]):
                self._round(half)

    def _finish(self, plan: RoundPlan) -> None:
        for account_id, head in plan.heads.items():
            held = head.held
            folded_as_fast = count_entities(held.value) // SNAPSHOT_ENTITIES_A_CHANGE
            if held.changes_since_snapshot > max(SNAPSHOT_CHANGES_MIN, folded_as_fast):
                self._committer.on_snapshot_due(held.value)
                held = CachedState(held.value, held.folded_bytes, 0)
            self._values.keep(account_id, held)
        self._committer.committed(plan)

    def _connected(self) -> psycopg.Connection:
        """The thread's connection, made anew when it was lost. Raises LedgerUnavailable when there is no database."""
        if self._connection is None or self._connection.closed:
            self._connection = None  # Not to be mistaken for one that this round has lost.
            try:
                self._connection = self._connect()
                if self.waits:
                    limit_lock_waits(self._connection)
            except psycopg.OperationalError as error:
                raise LedgerUnavailable(f"The database cannot be reached: {error}") from error
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _after_lost_connection(self, calls: list[PendingCall], plan: RoundPlan | None, error: Exception) -> None:
        """The commit may or may not have happened: look, and only then answer or run again."""
        log.warning("The connection to the database was lost in a round: %s", error)
        try:
            if plan is not None and self._was_committed(plan):
                self._finish(plan)
                return
        except (psycopg.Error, LedgerUnavailable) as still:
            self._committer.refuse(calls, f"Whether the call was recorded is unknown: {still}")
            return
        self._again(self._without_overran(calls, plan), error)

    def _without_overran(self, calls: list[PendingCall], plan: RoundPlan | None) -> list[PendingCall]:
        """The calls of a round of which nothing has happened, but for those whose own deciding may have lost it: they
        are refused, and never decided again. They would lose the next round, and everybody else's calls with it."""
        if plan is None or not plan.overran:
            return calls
        log.error("A round was lost in which deciding took too long. Not decided again: %s calls", len(plan.overran))
        self._committer.refuse(plan.overran, OVERRAN)
        return [call for call in calls if call not in plan.overran]

    def _again(self, calls: list[PendingCall], error: Exception) -> None:
        """Nothing of the round has happened: its calls run again, if they have not done so too often."""
        for call in calls:
            call.runs += 1
        self._committer.refuse([call for call in calls if call.runs >= RUNS_MAX], str(error))
        self._committer.refuse(self._queue.put_back([call for call in calls if call.runs < RUNS_MAX]))

    def _was_committed(self, plan: RoundPlan) -> bool:
        """Whether the plan's entries stand where they were to stand. The lock on the heads waits for the lost backend,
        so that it cannot commit behind our back (docs/adr/0007). Raises CorruptLedger when only some stand."""
        expected = {(entry.account_id, entry.position): entry.event_id for entry in plan.entries}
        found = 0
        connection = self._connected()
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = 0")
            cursor.execute(SQL["lock_waiting"], {"accounts": text_array(sorted(plan.heads))})
            for account_id in sorted({account_id for account_id, _ in expected}):
                positions = [position for account, position in expected if account == account_id]
                first, last = min(positions) - 1, max(positions)
                for row in select(cursor, "select_events", account_id, after=first, to=last):
                    found += (
                        self._rounds.mapper.to_domain_event(row).event_id
                        == expected[account_id, row.originator_version]
                    )
        if found not in (0, len(expected)):
            raise CorruptLedger(f"Of {len(expected)} events of a round, {found} were written.")
        return found > 0


class _WaitingRoundThread(_RoundThread):
    """Waits for accounts that another process holds: in PostgreSQL's own queue, so that a busy process cannot keep them
    for ever, and only for so long that it comes round to the next ones."""

    waits = True

    def _taken(self) -> list[PendingCall]:
        return self._queue.take_held(CALLS_A_ROUND_MAX)

    def _turn(self, calls: list[PendingCall], late: list[PendingCall]) -> None:
        """Only one queue's calls: what is waited for must not make others wait."""
        accounts = (calls or late)[0].accounts
        plan = self._round(calls) if calls else None
        self._queue.release(accounts, contended=plan is not None and plan.waited)

    def _more(self, calls: list[PendingCall]) -> list[PendingCall]:
        """More calls have come while the thread waited for its locks."""
        return self._queue.join(calls[0].accounts, CALLS_A_ROUND_MAX - len(calls))


def _as_unavailable(error: Exception) -> Exception:
    """A database that cannot do its work is unavailable; anything else is what it is."""
    return LedgerUnavailable(str(error)) if isinstance(error, psycopg.OperationalError) else error
