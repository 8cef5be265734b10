"""Many targets, slow ones and hanging ones: none takes the places of others, and looking at them stays quick."""

from typing import Any

import psycopg
import pytest

from domain.families.users import UserCreated
from services.notifications import turns
from services.notifications.deliverer import THREADS, THREADS_A_HOME_MAX
from services.notifications.deliveries import CHANGES_PASSED
from tests.services.notifications.post import Post
from tests.services.notifications.test_delivery import ids
from tests.services.outbound.receiver import Exchange, receiving


def test_a_long_way_without_anything_to_tell(post: Post) -> None:
    """Pages of changes are passed over, one a turn and target at most, until there is something."""
    with receiving() as receiver:
        target_id = post.add("webhook", receiver.url)
        users = [UserCreated(user_id=f"AIDA{n}", user_name=f"u{n}", path="/") for n in range(2 * CHANGES_PASSED)]
        post.append(*users)
        told = post.idle(1)
        post.deliver(turns=1)
        assert not receiver.received
        assert post.rows("cursors")[0][2] == 3 + CHANGES_PASSED
        assert post.state(target_id).waiting == 1
        post.deliver(turns=3)
        assert ids(receiver) == told


def test_looking_takes_as_long_for_many_targets(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nothing to tell, a turn asks the database as often for thirty targets as for one."""
    asked = list[object]()
    execute: Any = psycopg.Connection.execute

    def counted(self: psycopg.Connection, query: object, *more: object, **named: object) -> object:
        asked.append(query)
        return execute(self, query, *more, **named)

    def looking() -> int:
        post.deliver()
        asked.clear()
        post.deliver(turns=1)
        return len(asked)

    post.add("webhook", "https://example.com/")
    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    one = looking()
    for ledger in [post.another_account() for _ in range(3)]:
        for _ in range(10):
            post.add("webhook", "https://example.com/", ledger)
    assert looking() == one < 12


def test_slow_targets_leave_places(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes what it is told, and takes long over it, has its next turns among those that fail, until it is
    quick again."""
    with receiving() as receiver:
        target_id = post.add("webhook", receiver.url)
        for seconds, is_slow in ((-1.0, True), (60.0, False)):
            monkeypatch.setattr(turns, "SLOW_SECONDS", seconds)
            post.idle(1)
            post.deliver(turns=1)
            post.idle(1)
            monkeypatch.setattr(turns, "SLOW_SECONDS", 60.0)
            post.deliverer.tick()
            assert post.deliverer._under_way[target_id][1] is is_slow
            post.deliverer.settle()
    assert post.state(target_id).delivered == 4


def test_targets_that_hang_leave_places(post: Post) -> None:
    """Those of one account take a part of the threads at most; those that have failed none that others need."""
    with receiving(Exchange.hang) as bad, receiving() as good:
        for _ in range(9):
            post.add("webhook", bad.url)
        other = post.another_account()
        post.idle(1)
        good_id = post.add("webhook", good.url, other)
        told = post.idle(1, other)
        post.deliverer.tick()
        assert THREADS_A_HOME_MAX < THREADS
        assert len(post.deliverer._under_way) == THREADS_A_HOME_MAX + 1
        post.deliverer._under_way[good_id][-1].result()
        assert ids(good) == told
        post.deliverer.settle()
