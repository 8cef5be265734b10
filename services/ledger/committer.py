"""The committer: the one way into the ledger. Calls wait here for a round; each is answered after its commit."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future

import psycopg

from domain.account import Corrupt
from domain.ledgers import Folded
from services.ledger.arrays import text_array
from services.ledger.recorder import SQL, select
from services.ledger.round import Answered, Plan, Rounds
from services.ledger.snapshots import entities
from services.ledger.values import Held, Values
from services.ledger.work import Committed, Decide, Unavailable, Work

CALLS_A_ROUND_MAX = 256
WAITING_CALLS_MAX = 10_000
SKIPS_MAX = 3
RUNS_MAX = 3
CLOSED = "The ledger is closed."
SNAPSHOT_CHANGES_MIN = 2_000

Connect = Callable[[], psycopg.Connection]
Deliver = Callable[[Callable[[], None]], object]
"""How answers reach those who wait: one call a round, such as an event loop's call_soon_threadsafe."""

log = logging.getLogger("muniment.ledger")


class Overloaded(Exception):  # noqa: N818  a state of the queue
    """Too many calls are waiting. The answer is Throttling."""


class Committer:
    """Two threads make rounds: one that skips what other processes hold, and one that waits for it.

    Each has its connection and its values; the heads that they lock keep them apart, as they do two processes.
    """

    def __init__(
        self,
        connect: Connect,
        rounds: Rounds,
        *,
        on_commit: Callable[[frozenset[str]], None] = lambda _accounts: None,
        on_snapshot_due: Callable[[Folded], None] = lambda _value: None,
    ) -> None:
        self._ready = _Queue()
        self._patient = _Queue()
        self._deliver: Deliver = lambda answer: answer()
        self._threads = [
            _Committing(name, connect, rounds, queue, wait=queue is self._patient, committer=self)
            for name, queue in (("muniment-rounds", self._ready), ("muniment-patience", self._patient))
        ]
        self.on_commit = on_commit
        self.on_snapshot_due = on_snapshot_due

    def deliver_through(self, deliver: Deliver) -> None:
        """From now on answers go through this, one call a round; until then they are given by the round's thread."""
        self._deliver = deliver

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether every thread is there to make rounds."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ends after the rounds that are under way; what still waits is answered Unavailable."""
        self.close()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """No round begins any more: what waits, and whatever is submitted from now on, is answered Unavailable."""
        for queue in (self._ready, self._patient):
            self._refuse(queue.close())

    def submit(self, work: Work) -> None:
        """Queues the call; its reply comes after the commit. Raises Overloaded when too many wait, and Unavailable
        when the ledger is closed."""
        self._ready.put(work)

    def decide(self, accounts: frozenset[str], decide: Decide, *, founding: bool = False) -> Committed:
        """Submits and waits: for callers that are not on the event loop."""
        answer: Future[Committed] = Future()

        def reply(result: Committed | BaseException) -> None:
            if isinstance(result, BaseException):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self.submit(Work(accounts, decide, reply, founding))
        return answer.result()

    def deliver(self, answers: list[Answered]) -> None:
        def reply_to_all() -> None:
            for work, answer in answers:
                work.reply(answer)

        if answers:
            self._deliver(reply_to_all)

    def again(self, works: list[Work]) -> None:
        """Puts back what a round left, in front; what was skipped too often waits for its accounts elsewhere."""
        self._refuse(self._patient.put_back([work for work in works if work.skips >= SKIPS_MAX]))
        self._refuse(self._ready.put_back([work for work in works if work.skips < SKIPS_MAX]))

    def _refuse(self, works: list[Work]) -> None:
        self.deliver([(work, Unavailable(CLOSED)) for work in works])


class _Queue:
    """Waiting calls by account, taken in turns so that a busy account does not keep others waiting."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Work]] = OrderedDict()
        self._count = 0
        self._open = True
        self._changed = threading.Condition()

    def put(self, work: Work) -> None:
        with self._changed:
            if self._count >= WAITING_CALLS_MAX:
                raise Overloaded(f"{self._count} calls are waiting for a round.")
            if not self._open:
                raise Unavailable(CLOSED)
            self._waiting.setdefault(min(work.accounts), deque()).append(work)
            self._count += 1
            self._changed.notify()

    def put_back(self, works: list[Work]) -> list[Work]:
        """In front of their accounts' lines. Gives back what a closed queue does not take."""
        with self._changed:
            if not self._open:
                return works
            for work in reversed(works):
                self._waiting.setdefault(min(work.accounts), deque()).appendleft(work)
            self._count += len(works)
            self._changed.notify()
            return []

    def take(self, most: int) -> list[Work]:
        """At most that many calls, one account after the other; waits for the first. Empty when closed."""
        with self._changed:
            taken: list[Work] = []
            while len(taken) < most and (waiting := self._next(wait=not taken)):
                account_id, line = waiting
                taken.append(line.popleft())
                if line:
                    self._waiting[account_id] = line
            self._count -= len(taken)
            return taken

    def take_alike(self, most: int) -> list[Work]:
        """At most that many calls about the very same accounts; waits for the first. Empty when closed."""
        with self._changed:
            taken: list[Work] = []
            if waiting := self._next(wait=True):
                account_id, line = waiting
                taken.append(line.popleft())
                while line and len(taken) < most and line[0].accounts == taken[0].accounts:
                    taken.append(line.popleft())
                if line:
                    self._waiting[account_id] = line
            self._count -= len(taken)
            return taken

    def _next(self, *, wait: bool) -> tuple[str, deque[Work]] | None:
        """The account whose turn it is, taken out, with its calls."""
        while wait and self._open and not self._waiting:
            self._changed.wait()
        return self._waiting.popitem(last=False) if self._waiting else None

    def close(self) -> list[Work]:
        """Takes and gives nothing any more; gives back what was waiting."""
        with self._changed:
            works = [work for line in self._waiting.values() for work in line]
            self._open = False
            self._waiting.clear()
            self._count = 0
            self._changed.notify_all()
            return works


class _Committing(threading.Thread):
    """Makes one round after the other until its queue is closed."""

    def __init__(
        self, name: str, connect: Connect, rounds: Rounds, queue: _Queue, *, wait: bool, committer: Committer
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._connect = connect
        self._rounds = rounds
        self._queue = queue
        self._wait = wait
        self._committer = committer
        self._values = Values(rounds.mapper)
        self._connection: psycopg.Connection | None = None

    def run(self) -> None:
        # A round that waits for accounts takes calls about those alone: it must not make others wait for them.
        take = self._queue.take_alike if self._wait else self._queue.take
        works: list[Work] = []
        try:
            while works := take(CALLS_A_ROUND_MAX):
                self._round(works)
        except BaseException as error:
            # Whatever it is, nothing may be decided after it.
            log.critical("The committer stops: %s", error, exc_info=error)
            self._committer.close()
            self._committer.deliver([(work, Unavailable(CLOSED)) for work in works])
        finally:
            if self._connection is not None:
                self._connection.close()

    def _round(self, works: list[Work]) -> None:
        plan: Plan | None = None
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor() as cursor:
                plan = self._rounds.decide(cursor, self._values, works, wait=self._wait)
                self._rounds.write(cursor, plan)
        except Exception as error:  # noqa: BLE001  every failure has an answer, and the next round goes on
            if self._connection is not None and self._connection.closed:
                self._after_lost_connection(works, plan, error)
            elif len(works) == 1 or isinstance(error, Unavailable):
                self._committer.deliver([(work, _meaning(error)) for work in works])
            else:
                # Something in this round cannot be written. Alone, each call succeeds or fails for itself.
                for work in works:
                    self._round([work])
        else:
            # The round is committed. From here every process that makes a round of these accounts sees its events
            # first; a crash before the answers are sent loses the answers, not the facts.
            self._finish(plan)

    def _finish(self, plan: Plan) -> None:
        for account_id, head in plan.heads.items():
            held = head.held
            if held.changes_since_snapshot > max(SNAPSHOT_CHANGES_MIN, entities(held.value)):
                self._committer.on_snapshot_due(held.value)
                held = Held(held.value, held.folded_bytes, 0)
            self._values.keep(account_id, held)
        self._committer.deliver(plan.answers)
        self._committer.again(plan.left)
        written = frozenset(entry.account_id for entry in plan.entries)
        if written:
            self._committer.on_commit(written)

    def _connected(self) -> psycopg.Connection:
        """The thread's connection, made anew when it was lost. Raises Unavailable when the database is not there."""
        if self._connection is None or self._connection.closed:
            self._connection = None  # Not to be mistaken for one that this round has lost.
            try:
                self._connection = self._connect()
            except psycopg.OperationalError as error:
                raise Unavailable(f"The database cannot be reached: {error}") from error
        return self._connection

    def _after_lost_connection(self, works: list[Work], plan: Plan | None, error: Exception) -> None:
        """The commit may or may not have happened: look, and only then answer or run again."""
        log.warning("The connection to the database was lost in a round: %s", error)
        try:
            if plan is not None and self._was_committed(plan):
                self._finish(plan)
                return
        except (psycopg.Error, Unavailable) as still:
            self._committer.deliver(
                [(work, Unavailable(f"Whether the call was recorded is unknown: {still}")) for work in works]
            )
            return
        for work in works:
            work.runs += 1
        self._committer.deliver([(work, Unavailable(str(error))) for work in works if work.runs >= RUNS_MAX])
        self._committer.again([work for work in works if work.runs < RUNS_MAX])

    def _was_committed(self, plan: Plan) -> bool:
        """Whether the plan's entries stand where they were to stand. The lock on the heads waits for the lost backend,
        so that it cannot commit behind our back. Raises Corrupt when some stand and some do not."""
        expected = {(entry.account_id, entry.position): entry.event_id for entry in plan.entries}
        found = 0
        connection = self._connected()
        with connection.transaction(), connection.cursor() as cursor:
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
            raise Corrupt(f"Of {len(expected)} events of a round, {found} were written.")
        return found > 0


def _meaning(error: Exception) -> Exception:
    """A database that cannot do its work is unavailable; anything else is what it is."""
    return Unavailable(str(error)) if isinstance(error, psycopg.OperationalError) else error
