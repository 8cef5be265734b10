"""A thing tells what it descends from by itself, however much has been made, and forgets nobody silently."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.descent import (
    DESCENTS,
    GENERATIONS,
    LINKS_MAX,
    Descent,
    DescentLink,
    known_descent,
    made,
    refuse_too_long,
    written,
)
from domain.families.containment import ContainedLineage
from domain.foundation.errors import LimitExceeded

AT = datetime(2026, 1, 1, tzinfo=UTC)
Makings = list[tuple[int, int, int]]
"""Of each: the number of its maker, of its owner (both among those before), and of the day. 0 made itself."""


@st.composite
def makings(draw: st.DrawFn) -> Makings:
    """Odd ones are credentials, each made with one and owned by what is even; even ones are users."""
    found: Makings = []
    for number in range(1, draw(st.integers(2, 14))):
        credentials = [0, *range(1, number, 2)]
        owners = [0, *range(2, number, 2)]
        found.append((draw(st.sampled_from(credentials)), draw(st.sampled_from(owners)), draw(st.integers(0, 3))))
    return found


def descents_of(makings: Makings) -> Mapping[int, Descent]:
    account = Account("123456789012")
    found = {0: made(account, DescentLink("0"))}
    for number, (maker, owner, day) in enumerate(makings, 1):
        is_credential = number % 2 == 1
        link = DescentLink(str(number), str(maker), AT + timedelta(days=day), str(owner) if is_credential else None)
        found[number] = made(account, link, found[maker])
        account = account.put(DESCENTS, account[DESCENTS].set(str(number), written(found[number])))
        assert known_descent(account, str(number)) == found[number]
    return found


def naive(makings: Makings, number: int, ancestor: int, since: int, spared: set[int], day: int = 9) -> bool:
    """By every way there is."""
    if number in spared or (number % 2 == 1 and makings[number - 1][1] in spared):
        return False
    if number == ancestor and day >= since:
        return True
    if number == 0:
        return False
    maker, owner, made_on = makings[number - 1]
    is_owned = number % 2 == 1 and naive(makings, owner, ancestor, since, spared, day)
    return is_owned or naive(makings, maker, ancestor, since, spared, made_on)


@given(makings(), st.data())
def test_it_is_as_walking_says(makings: Makings, data: st.DataObject) -> None:
    descents = descents_of(makings)
    ancestor, since = data.draw(st.sampled_from(sorted(descents))), data.draw(st.integers(0, 3))
    spared = set(data.draw(st.lists(st.sampled_from(sorted(descents)), max_size=2)))
    for number, descent in descents.items():
        told = descent.leads_to(str(ancestor), AT + timedelta(days=since), [str(each) for each in spared])
        assert told == naive(makings, number, ancestor, since, spared)


def rotated(times: int) -> list[Descent]:
    """Keys of one user, each made with the one before and the first by somebody else's key; the fourth was activated by
    a thief meanwhile."""
    account = Account("123456789012")
    found = [made(account, DescentLink("key0", "hers", AT, "user"), made(account, DescentLink("hers", of="other")))]
    thief = made(account, DescentLink("key3", "stolen", AT, "user"), made(account, DescentLink("stolen", of="victim")))
    for number in range(1, times):
        link = DescentLink(f"key{number}", f"key{number - 1}", AT + timedelta(days=number), "user")
        maker = found[-1].joined(thief) if number == 4 else found[-1]
        found.append(made(account, link, maker))
    return found


def held(
    descent: Descent, seed: str, owner: str | None, since: int | None = None, spared: tuple[str, ...] = ()
) -> bool:
    at = None if since is None else AT + timedelta(days=since)
    return ContainedLineage(seed, owner, at, spared, 1).holds(descent)


def test_a_key_may_be_rotated_for_ever_and_outruns_nobody() -> None:
    """Its descent stays short. Whoever made or activated one of its ancestors is still known. A containment of one of
    those that are not told apart any more holds it, one of somebody else's key does not; nor does one since a time
    behind which it was not made, or with itself spared. What was spared on another way frees nothing."""
    keys = rotated(200)
    last = keys[-1]
    assert len(last.links) <= GENERATIONS[0] + 6
    for seed, owner in (("hers", "other"), ("stolen", "victim"), ("key1", "user"), ("key198", "user"), ("user", None)):
        assert held(last, seed, owner), seed
    assert not held(last, "another", "someone")
    assert not held(last, "key1", "user", since=500)
    assert not held(last, "key1", "user", spared=("key199",))
    assert held(last, "key1", "user", spared=("hers",))
    assert not held(keys[3], "key7", "user")
    assert not held(keys[3], "stolen", "victim")
    innocent = made(Account("123456789012"), DescentLink("ci", "key30", AT + timedelta(days=30)), keys[30])
    assert not held(innocent, "key100", "user", since=100)


def test_an_activation_of_an_old_key_is_told_from_the_key() -> None:
    """Also where its owner has had many since."""
    keys = rotated(40)
    activation = made(Account("123456789012"), DescentLink("key2", "stolen", AT + timedelta(days=60), "user"), keys[39])
    active = keys[2].joined(activation)
    assert active.links[0].id == "key2"
    assert held(active, "stolen", "victim")


def test_owners_who_rotate_one_another_go_on_for_ever() -> None:
    """Five of them, each of whose keys makes the next one's next key."""
    account = Account("123456789012")
    last = made(account, DescentLink("0", "root", AT, "user0"))
    for number in range(1, 300):
        at = AT + timedelta(hours=number)
        last = made(account, DescentLink(str(number), str(number - 1), at, f"user{number % 5}"), last)
        assert not last.is_too_long, number
    assert held(last, "root", "account")
    assert held(last, "12", "user2")
    assert not held(last, "12", "somebody else")


def test_a_descent_has_a_bound() -> None:
    """A chain of users that each make the next one is refused when a token could not hold it. In a history from before
    there was a bound it is of anybody's lineage."""
    account = Account("123456789012")
    descent = made(account, DescentLink("0"))
    for number in range(1, LINKS_MAX):
        descent = made(account, DescentLink(str(number), str(number - 1), AT, None), descent)
        refuse_too_long(descent)
    longer = made(account, DescentLink("more", str(LINKS_MAX - 1), AT, None), descent)
    with pytest.raises(LimitExceeded, match=f"has {LINKS_MAX + 1} links"):
        refuse_too_long(longer)
    short = longer.shortened()
    assert (len(short.links), short.is_cut) == (LINKS_MAX, True)
    assert ContainedLineage("0", None, None, (), 1).holds(short)
