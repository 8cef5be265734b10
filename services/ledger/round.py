"""A round: one transaction that decides many calls, each on the newest value of its accounts."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from domain.calls import NeedsAccounts, NeedsPolicies
from domain.evidence.merkle import Frontier, hash_leaf
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import Random, new_uuid
from domain.ledger_state import LedgerState, empty, evolve
from services.ledger.arrays import bigint_array, bytea_array, text_array
from services.ledger.long_texts import put_texts
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CommittedCall, LedgerAppend, LedgerNotLocked, LedgerUnavailable, PendingCall
from services.ledger.recorder import SQL, LedgerRecorder
from services.ledger.state_cache import CHANGES_A_ROUND_MAX, CachedState, StateCache
from services.ledger.trees import LEAVES_A_ROUND_MAX, grow_tree
from services.secrets.store import SecretStore

DECIDING_SECONDS_MAX = 0.020
OVERRUN_SECONDS = 0.25
"""Of the processor, for one call: far more than any decision takes, and so long before PostgreSQL ends the transaction
(`database.STATEMENT_SECONDS_MAX`) that a busy machine does not come between."""
CLOCK_BEHIND_HEAD_MAX = timedelta(seconds=2)
CLOCK_FROM_DATABASE_MAX = timedelta(seconds=5)

Clock = Callable[[], datetime]
AnsweredCall = tuple[PendingCall, CommittedCall | BaseException]
_Row = tuple[str, int | None, int, datetime, int, bytes, datetime]
"""Account, position, last change and time of its head, size and frontier of its tree, None where there is no such
ledger; the database's clock."""


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _LockedHead:
    """A locked ledger as the round goes on."""

    position: int
    last_change: int
    held: CachedState
    tree: Frontier
    """Of the entries up to where the round has found it."""
    moved: bool = False


@dataclass(slots=True)
class RoundPlan:
    """What a round is about to write, kept so that it can be looked for when the commit's result is unknown."""

    at: datetime
    """The round's time: that of every event in it."""
    heads: dict[str, _LockedHead]
    answers: list[AnsweredCall] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    beside: list[LedgerAppend] = field(default_factory=list)
    """Those with something that lies beside the ledger: secrets and long texts."""
    left: list[PendingCall] = field(default_factory=list)
    """Not decided in this round: out of time, or in need of more accounts."""
    missed: list[PendingCall] = field(default_factory=list)
    """Not decided, since another process holds an account."""
    cold: list[PendingCall] = field(default_factory=list)
    """Not decided, since a value has to be loaded first."""
    overran: list[PendingCall] = field(default_factory=list)
    """Whose own deciding took so long that the round may have been lost over it."""
    unread: list[PendingCall] = field(default_factory=list)
    """Not decided, since policies have to be read first."""
    behind: set[str] = field(default_factory=set)
    """Accounts whose value in memory is too far behind their head."""
    ahead: dict[str, datetime] = field(default_factory=dict)
    """Accounts whose head is ahead of this server's clock, by more than can be told apart from a wrong clock."""
    unhashed: dict[str, int] = field(default_factory=dict)
    """Accounts whose Merkle tree lacks so many entries, more than a round adds: an older program has written them."""
    absent: set[str] = field(default_factory=set)
    """Accounts that have no ledger: their values are empty."""
    waited: bool = False
    """Whether another process was found to hold an account and was waited for."""

    def values_of(self, accounts: frozenset[str]) -> dict[str, LedgerState]:
        heads = self.heads
        return {each: heads[each].held.value if each in heads else empty(each) for each in accounts}


@dataclass(frozen=True, slots=True)
class RoundProcessor:
    """What rounds are made with. One value for the life of the server, used by every committing thread."""

    recorder: LedgerRecorder
    mapper: EntryMapper
    secrets: SecretStore
    random: Random
    clock: Clock = system_clock
    database_clock_checked: bool = True
    """Tests that bring their own time switch it off."""

    def lock(
        self, cursor: psycopg.Cursor, values: StateCache, calls: Sequence[PendingCall], *, wait: bool
    ) -> RoundPlan:
        """The transaction's first step: locks the accounts of the calls and catches up with what others have written.
        Without waiting it leaves out what another process holds; waiting, it raises LockNotAvailable.

        Nobody waits in a circle: who waits for a head holds only heads before it, in the order of account ids, and who
        waits to begin a ledger holds only such as nobody else can see yet. Nothing else that a round writes can be
        waited for by somebody who does not hold its head.

        Raises LedgerUnavailable when the server's clock cannot be trusted.
        """
        founding = sorted(set[str]().union(*(call.accounts for call in calls if call.founding)))
        if founding:
            cursor.execute(SQL["found"], {"accounts": text_array(founding)})
        accounts = sorted(set[str]().union(*(call.accounts for call in calls)))
        wanted = {"accounts": text_array(accounts)}
        rows: list[_Row] = []
        if not wait or len(accounts) == 1:  # of several, those found free would be locked out of order
            # Whoever names another account must not learn by the time whether there is one.
            name = "lock_or_absent" if any(len(call.accounts) > 1 for call in calls) else "lock"
            rows = cursor.execute(SQL[name], wanted, binary=True).fetchall()
        waited = wait and len(rows) < len(accounts)
        if waited:
            rows = cursor.execute(SQL["lock_waiting"], wanted, binary=True).fetchall()
        now = self.clock()
        for *_, database_now in rows:
            self.refuse_wrong_clock(now, database_now)
        plan = RoundPlan(now, {}, waited=waited)
        changes_max = CHANGES_A_ROUND_MAX
        for account_id, position, last_change, head_at, tree_size, tree, _ in rows:
            if position is None:
                plan.absent.add(account_id)
                continue
            if head_at - now > CLOCK_BEHIND_HEAD_MAX:
                plan.ahead[account_id] = head_at
                continue
            if position - tree_size > LEAVES_A_ROUND_MAX:
                plan.unhashed[account_id] = position - tree_size
                continue
            held, folded = values.at_head(cursor, account_id, last_change, changes_max)
            changes_max -= folded
            if held is None:
                plan.behind.add(account_id)
                continue
            grown = grow_tree(cursor, account_id, Frontier.unpack(tree_size, tree), position)
            plan.heads[account_id] = _LockedHead(position, last_change, held, grown)
            # Set once, after locking: the later of the clock and the heads. Time never runs backwards in a ledger.
            plan.at = max(plan.at, head_at)
        return plan

    def refuse_wrong_clock(self, now: datetime, database_now: datetime) -> None:
        """Raises LedgerUnavailable when the two are too far apart: one of them is wrong, and nobody knows which."""
        if self.database_clock_checked and abs(database_now - now) > CLOCK_FROM_DATABASE_MAX:
            raise LedgerUnavailable(f"This server's clock and the database's are {abs(database_now - now)} apart.")

    def decide(self, plan: RoundPlan, calls: Sequence[PendingCall], *, wait: bool) -> None:
        """Decides the calls, each on the values that those before it have left, for a bounded time."""
        until = time.perf_counter() + DECIDING_SECONDS_MAX
        for call in calls:
            if not call.accounts <= plan.heads.keys() and self._is_left(plan, call, wait=wait):
                continue
            if time.perf_counter() > until:
                plan.left.append(call)
                continue
            began = time.thread_time()
            self._decide_one(plan, call)
            if time.thread_time() - began > OVERRUN_SECONDS:
                plan.overran.append(call)

    def _is_left(self, plan: RoundPlan, call: PendingCall, *, wait: bool) -> bool:
        """Whether the call cannot be decided now. Who has waited for all heads and not got one knows that there is no
        such ledger: its value is empty."""
        if ahead := call.accounts & plan.ahead.keys():
            heads_at = max(plan.ahead[account_id] for account_id in ahead)
            plan.answers.append(
                (call, LedgerUnavailable(f"This server's clock is {heads_at - plan.at} behind the ledger."))
            )
        elif unhashed := call.accounts & plan.unhashed.keys():
            lack = max(plan.unhashed[account_id] for account_id in unhashed)
            plan.answers.append(
                (call, LedgerUnavailable(f"{lack} entries are to be hashed first: start the server anew."))
            )
        elif call.accounts & plan.behind:
            plan.cold.append(call)
        elif not wait and not call.accounts <= plan.heads.keys() | plan.absent:
            plan.missed.append(call)
        else:
            return False
        return True

    def _decide_one(self, plan: RoundPlan, call: PendingCall) -> None:
        """One call's failure is its own: what it raises is its answer, and nothing of it is written."""
        try:
            decided = call.decide(plan.values_of(call.accounts), plan.at)
            heads, entries = self._drafted(plan, decided.appends)
        except NeedsAccounts as more:
            if more.accounts <= call.accounts:  # It would ask for ever.
                plan.answers.append((call, more))
                return
            call.accounts |= more.accounts
            plan.left.append(call)
            return
        except NeedsPolicies as more:
            call.policies = more.policies
            plan.unread.append(call)
            return
        except Exception as error:  # noqa: BLE001  handed to the caller, who logs it
            plan.answers.append((call, error))
            return
        plan.heads |= heads
        plan.entries += entries
        plan.beside += [append for append in decided.appends if not append.is_all_in_entries]
        positions = {append.account_id: plan.heads[append.account_id].position for append in decided.appends}
        values = plan.values_of(call.accounts)
        plan.answers.append((call, CommittedCall(decided.result, values, positions, decided.then)))

    def _drafted(self, plan: RoundPlan, appends: Iterable[LedgerAppend]) -> tuple[dict[str, _LockedHead], list[Entry]]:
        """The ledgers with the events behind them, as new heads: the old ones hold until the whole call has succeeded.
        A call may append to one ledger more than once, under different causes."""
        heads: dict[str, _LockedHead] = {}
        entries = []
        for append in appends:
            head = heads.get(append.account_id) or plan.heads.get(append.account_id)
            if head is None:
                raise LedgerNotLocked(f"The round does not hold a ledger of {append.account_id}.")
            position, last_change, held, tree = head.position, head.last_change, head.held, head.tree
            for event in append.events:
                position += 1
                event_id = new_uuid(self.random)
                entry = Entry(append.account_id, position, event_id, plan.at, append.cause, event)
                entries.append(entry)
                if isinstance(event, Change):
                    last_change = position
                    held = held.with_change(evolve(held.value, entry))
            heads[append.account_id] = _LockedHead(position, last_change, held, tree, moved=True)
        return heads, entries

    def write(self, cursor: psycopg.Cursor, plan: RoundPlan) -> None:
        """Everything that the round has decided, in the transaction that holds the heads."""
        stored = [self.mapper.to_stored_event(entry) for entry in plan.entries]
        self.recorder.insert_events(stored, cursor=cursor, at=plan.at)
        for append in plan.beside:
            for new in append.new_secrets:
                self.secrets.put(cursor, append.account_id, new.principal_id, new.id, new.secret)
            for secret_id in append.destroyed_secrets:
                self.secrets.delete(cursor, append.account_id, secret_id)
            if append.new_texts:
                put_texts(cursor, append.account_id, append.new_texts)
                self.mapper.on_written(append, sum(len(text.encode()) for text in append.new_texts))
        moved = {account_id: head for account_id, head in plan.heads.items() if head.moved}
        if moved:
            leaves: dict[str, list[bytes]] = {account_id: [] for account_id in moved}
            for event in stored:
                leaves[str(event.originator_id)].append(hash_leaf(event.state))
            trees = [head.tree.with_leaves(leaves[account_id]) for account_id, head in moved.items()]
            cursor.execute(
                SQL["move_heads"],
                {
                    "accounts": text_array(list(moved)),
                    "positions": bigint_array([head.position for head in moved.values()]),
                    "last_changes": bigint_array([head.last_change for head in moved.values()]),
                    "trees": bytea_array([tree.packed for tree in trees]),
                    "at": plan.at,
                },
            )
