"""Turns, lanes and places."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fair_pool import RESERVED_PLACES, RESERVED_THREADS, FairPool, Stopping
from services.fair_queue import FairQueue, Overloaded, Places, Turn, TwoLanes, turn_of_stranger

SECONDS_MAX = 30
TURNS = st.builds(Turn, st.sampled_from("abc"), st.sampled_from("xyz"))


@given(st.lists(TURNS, max_size=40))
def test_nobody_has_a_second_turn_before_all_had_one(turns: list[Turn]) -> None:
    """Of accounts, and inside each of its principals; each principal's come in their order, and none is lost."""
    queue: FairQueue[tuple[Turn, int]] = FairQueue()
    for number, turn in enumerate(turns):
        queue.put(turn, (turn, number))
    taken: list[tuple[Turn, int]] = []
    while (item := queue.take()) is not None:
        taken.append(item)
    assert sorted(taken, key=lambda item: item[1]) == list(zip(turns, range(len(turns)), strict=True))
    waiting = Counter(turn.account_id for turn in turns)
    had: Counter[str] = Counter()
    for turn, _ in taken:
        assert all(had[turn.account_id] <= had[other] for other in waiting if had[other] < waiting[other])
        had[turn.account_id] += 1
    for account_id in waiting:
        mine = [turn.principal for turn, _ in taken if turn.account_id == account_id]
        left, so_far = Counter(mine), Counter[str]()
        for principal in mine:
            assert all(so_far[principal] <= so_far[other] for other in left if so_far[other] < left[other])
            so_far[principal] += 1
    assert all(
        numbers == sorted(numbers) for turn in set(turns) for numbers in [[n for each, n in taken if each == turn]]
    )


@given(st.lists(TURNS, max_size=20), st.integers(0, 20))
def test_what_is_put_back_comes_next_in_the_same_order(turns: list[Turn], count: int) -> None:
    """A round that ran out of time takes nobody's turn."""
    queue: TwoLanes[tuple[Turn, int]] = TwoLanes()
    for number, turn in enumerate(turns):
        queue.put(turn, (turn, number))
    taken = [item for _ in range(count) if (item := queue.take()) is not None]
    for item in reversed(taken):
        queue.put_back(item[0], item)
    assert [queue.take() for _ in taken] == taken


def test_neither_lane_keeps_the_other_waiting() -> None:
    """With both full they take turns, however full one is."""
    queue: TwoLanes[str] = TwoLanes()
    for _ in range(100):
        queue.put(Turn("a", "x"), "ordinary")
    for _ in range(3):
        queue.put(Turn("a", "x", reserved=True), "reserved")
    assert Counter(queue.take() for _ in range(6)) == {"ordinary": 3, "reserved": 3}
    assert [*queue.drained()] == ["ordinary"] * 97


def test_places_are_given_back() -> None:
    """Bounds of a principal, an account and all; strangers are bounded by address, and not as one account."""
    places = Places(4, 3, 2)
    turns = [Turn("a", "x"), Turn("a", "x"), Turn("a", "y")]
    for turn in turns:
        places.take(turn)
    for full in (Turn("a", "x"), Turn("a", "y"), Turn("a", "z")):
        with pytest.raises(Overloaded):
            places.take(full)
    places.take(Turn("b", "x"))
    with pytest.raises(Overloaded, match="4 in all"):
        places.take(Turn("c", "x"))
    for turn in (*turns, Turn("b", "x")):
        places.free(turn)
    strangers = [turn_of_stranger(f"192.0.2.{number}") for number in range(4)]
    for turn in strangers:
        places.take(turn)


@pytest.fixture
def pool() -> Iterator[FairPool]:
    made = FairPool("test", threads=2, places=Places(64, 32, 16))
    yield made
    made.close()


class Gate:
    """Work that does not end before it may."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self._begun = threading.Semaphore(0)

    def work(self) -> None:
        self._begun.release()
        assert self._go.wait(SECONDS_MAX)

    def begun(self) -> None:
        assert self._begun.acquire(timeout=SECONDS_MAX)

    def let_go(self) -> None:
        self._go.set()


def test_an_account_s_work_leaves_a_thread_for_another_s(pool: FairPool) -> None:
    """However much waits, and though another thread is free until the other comes."""
    gate = Gate()
    flood = [pool.submit(Turn("a", f"{number % 2}"), gate.work) for number in range(32)]
    gate.begun()
    with pytest.raises(Overloaded):
        pool.submit(Turn("a", "another"), gate.work)
    assert pool.submit(Turn("b", "x"), lambda: "done").result(SECONDS_MAX) == "done"
    assert not any(each.done() for each in flood)
    gate.let_go()
    assert [each.result(SECONDS_MAX) for each in flood] == [None] * 32


def test_no_other_work_fills_the_reserved_lane(pool: FairPool) -> None:
    """With all threads at work and all places taken, what ends access is done."""
    gate = Gate()
    flood = [pool.submit(Turn(account, principal), gate.work) for account in "ab" for principal in "xy" * 16]
    for _ in range(2):
        gate.begun()
    with pytest.raises(Overloaded):
        pool.submit(Turn("c", "x"), gate.work)
    assert pool.submit(Turn("c", "x", reserved=True), lambda: "ended").result(SECONDS_MAX) == "ended"
    gate.let_go()
    assert all(each.result(SECONDS_MAX) is None for each in flood)


def test_the_reserved_lane_is_bounded_by_principal(pool: FairPool) -> None:
    """Who floods it, in whatever account, keeps neither another principal of the account nor another account out."""
    gate = Gate()
    *_, each = RESERVED_PLACES
    for _ in range(each):
        pool.submit(Turn("a", "x", reserved=True), gate.work)
    with pytest.raises(Overloaded):
        pool.submit(Turn("a", "x", reserved=True), gate.work)
    order: list[str] = []
    same = pool.submit(Turn("a", "y", reserved=True), lambda: order.append("y"))
    assert RESERVED_THREADS > 1
    assert pool.submit(Turn("b", "x", reserved=True), lambda: "ended").result(SECONDS_MAX) == "ended"
    after = pool.submit(Turn("a", "y", reserved=True), lambda: order.append("z"))
    gate.let_go()
    for done in (same, after):
        done.result(SECONDS_MAX)
    assert order == ["y", "z"]


def test_what_waits_when_it_stops_is_told_so(pool: FairPool) -> None:
    """What is under way ends, nothing else begins, and who went away is not called back."""
    gate = Gate()
    under_way, waiting, gone = (pool.submit(Turn("a", "x"), gate.work) for _ in range(3))
    gate.begun()
    gone.cancel()
    pool.close()
    with pytest.raises(Stopping):
        waiting.result(SECONDS_MAX)
    with pytest.raises(Stopping):
        pool.submit(Turn("b", "x"), gate.work)
    gate.let_go()
    assert under_way.result(SECONDS_MAX) is None


def test_a_failure_is_told_to_who_waits(pool: FairPool) -> None:
    """And the thread goes on with the next, in the place that is free again."""

    def fails() -> None:
        raise LookupError("nothing is there")

    answers: list[Future[None]] = [pool.submit(Turn("a", "x"), fails) for _ in range(16)]
    for answer in answers:
        with pytest.raises(LookupError):
            answer.result(SECONDS_MAX)
    assert pool.submit(Turn("a", "x"), lambda: 1).result(SECONDS_MAX) == 1
