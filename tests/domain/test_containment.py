"""Containment: what it ends in an account, and what it must not end."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.account import Account, AccountClosed
from domain.callers import Caller, caller_of_key
from domain.families.access_keys import AccessKeyCreated, AccessKeyDeactivated
from domain.families.containment import (
    CONTAINED_DOCUMENT,
    CONTAINED_POLICY_NAME,
    CredentialContained,
    Descendant,
    LineageFacts,
    LineageQuery,
    Seed,
)
from domain.families.policies import InlinePolicyPut
from domain.families.sessions import Session, SessionRevoked
from domain.families.users import USER
from domain.foundation.errors import OperationNotPermittedException
from domain.queries.contained_lineages import parted_by_spared
from domain.queries.containment import (
    CONTAINMENT_EVENTS_MAX,
    ContainmentPlan,
    contain,
    refuse_lockout,
    refuse_self_containment,
)
from domain.read_models.lineage import LineageNode
from domain.rules import policy_holders
from tests.domain.accounts import ACCOUNT, ADMINISTRATOR_ACCESS, AT, after, new_account, with_role, with_users

OTHER = "210987654321"
LATER = AT + timedelta(hours=1)


def user(name: str) -> Descendant:
    return Descendant(ACCOUNT, "user", f"AIDA{name}", f"AIDA{name}", None, None, None)


def role(name: str) -> Descendant:
    return Descendant(ACCOUNT, "role", f"AROA{name}", f"AROA{name}", None, None, ACCOUNT)


def key(name: str) -> Descendant:
    return Descendant(ACCOUNT, "access_key", f"AKIA{name}", f"AIDA{name}", f"AKIA{name}", None, ACCOUNT)


def session(session_id: str, account_id: str = ACCOUNT, parent: str = ACCOUNT) -> Descendant:
    return Descendant(account_id, "session", session_id, "AROAops", f"ASIA{session_id}", LATER, parent)


def peopled() -> Account:
    """Ann and bob, each with a key, and the role ops."""
    account = with_role(with_users(new_account(), "ann", "bob"), "ops")
    keys = (
        AccessKeyCreated(access_key_id=f"AKIA{name}", user_id=f"AIDA{name}", user_name=name) for name in ("ann", "bob")
    )
    return after(account, *keys)


def administering(account: Account, name: str) -> Account:
    return after(account, *policy_holders.attach(account, USER, name, policy_arn=ADMINISTRATOR_ACCESS))


def contained(account: Account, *descendants: Descendant) -> ContainmentPlan:
    return contain({account.id: account}, lineage(descendants), lambda _: None, "a leak", AT)


def lineage(descendants: Sequence[Descendant]) -> LineageFacts:
    return LineageFacts(LineageQuery(ACCOUNT, "seed", AT), Seed("seed", None), tuple(descendants))


def test_everything_is_ended_once() -> None:
    """A user and a role are denied everything, with all keys, also one that no table knows yet; a key and a session by
    themselves; the last event tells it all. Folded, it leaves nothing to be done."""
    account = peopled()
    found = [user("ann"), role("ops"), key("bob"), session("SESN1")]
    events = contained(account, *found).events[ACCOUNT]
    put = {"policy_name": CONTAINED_POLICY_NAME, "document": CONTAINED_DOCUMENT}
    assert events == (
        InlinePolicyPut(entity="user", entity_id="AIDAann", entity_name="ann", **put),
        AccessKeyDeactivated(access_key_id="AKIAann", user_id="AIDAann", user_name="ann"),
        InlinePolicyPut(entity="role", entity_id="AROAops", entity_name="ops", **put),
        AccessKeyDeactivated(access_key_id="AKIAbob", user_id="AIDAbob", user_name="bob"),
        SessionRevoked(session_id="SESN1"),
        CredentialContained(
            seed="seed",
            reason="a leak",
            denied=("AIDAann", "AROAops"),
            deactivated=("AKIAann", "AKIAbob"),
            revoked=("SESN1",),
        ),
    )
    assert contained(after(account, *events), *found) == ContainmentPlan({}, (), {})


def test_what_is_over_is_left_alone() -> None:
    """Who is gone, what has expired, and everything of a closed account."""
    account = peopled()
    expired = Descendant(ACCOUNT, "session", "SESN1", "AROAops", "ASIA1", AT, ACCOUNT)
    assert contained(account, user("eve"), role("gone"), key("eve"), expired).events == {}
    assert contained(after(account, AccountClosed()), user("ann"), key("bob"), session("SESN1")).events == {}


def test_a_call_has_a_bound() -> None:
    """What comes first in the lineage is ended first, and the rest by asking again."""
    account = peopled()
    many = [session(f"SESN{number}") for number in range(CONTAINMENT_EVENTS_MAX + 1)]
    first = contained(account, user("ann"), *many).contained[0]
    assert (first.denied, first.deactivated) == (("AIDAann",), ("AKIAann",))
    assert first.revoked == tuple(each.id for each in many[: CONTAINMENT_EVENTS_MAX - 2])


def test_barred_accounts_are_named_if_a_way_into_them_is_known() -> None:
    """An account in which nothing may be contained is told with the reason; one beyond it is not, yet what is contained
    there is."""
    accounts = {ACCOUNT: peopled(), OTHER: Account(OTHER), "3" * 12: Account("3" * 12), "4" * 12: Account("4" * 12)}
    found = [
        key("ann"),
        session("SESN1", OTHER),
        session("SESN2", "3" * 12, parent=OTHER),
        session("SESN3", "4" * 12, parent=OTHER),
    ]
    containing = contain(
        accounts, lineage(found), lambda account: "no" if account.id in {OTHER, "3" * 12} else None, None, AT
    )
    assert containing.barred == {OTHER: "no"}
    assert containing.events.keys() == {ACCOUNT, "4" * 12}


def of_session(**minted_by: str) -> Caller:
    caller = caller_of_key(peopled(), "AKIAann")
    claims = Session(
        session_id="SESN1",
        access_key_id="ASIASESN1",
        principal=caller.principal,
        entity_id="AIDAann",
        issued_at=AT,
        expires_at=LATER,
        **{"minted_by_access_key_id": "AKIAold"} | minted_by,
    )
    return Caller(caller.principal, "AIDAann", "ASIASESN1", claims)


@pytest.mark.parametrize("found", [user("ann"), key("ann")], ids=["user", "key"])
def test_who_calls_with_a_key_is_not_cut_off(found: Descendant) -> None:
    """Neither as the user nor by the key; that of somebody else is no matter."""
    caller = caller_of_key(peopled(), "AKIAann")
    refuse_self_containment(caller, [user("bob"), key("bob"), session("SESN1")])
    with pytest.raises(OperationNotPermittedException, match=f"{found.id} is of the lineage"):
        refuse_self_containment(caller, [key("bob"), found])


@pytest.mark.parametrize(
    ("caller", "found"),
    [
        (of_session(), session("SESN1")),
        (of_session(minted_by_access_key_id="AKIAbob"), key("bob")),
        (of_session(minted_by_session_id="SESN2"), session("SESN2")),
    ],
    ids=["session", "the key it was minted with", "the session it was minted by"],
)
def test_who_calls_in_a_session_is_not_cut_off(caller: Caller, found: Descendant) -> None:
    """By the session itself, nor by what it was minted with."""
    refuse_self_containment(caller, [user("bob"), session("SESN3")])
    with pytest.raises(OperationNotPermittedException, match="--include-self"):
        refuse_self_containment(caller, [found])


def test_the_last_administrator_stays() -> None:
    """Cut off by key or as a user. With a second one's key, or where there was none, nothing is refused; and root's key
    is an administrator's."""
    account = administering(peopled(), "ann")
    for found in (user("ann"), key("ann")):
        events = contained(account, found).events[ACCOUNT]
        with pytest.raises(OperationNotPermittedException, match=f"last administrator of {ACCOUNT}: without ann"):
            refuse_lockout(account, account, events, AT)
        for other in (administering(account, "bob"), peopled()):
            refuse_lockout(other, other, events, AT)
        root_s = AccessKeyCreated(access_key_id="AKIAroot", user_id=ACCOUNT, user_name=ACCOUNT)
        with_root = after(account, root_s)
        refuse_lockout(with_root, with_root, events, AT)


def test_a_lineage_is_parted_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spared is apart, with all that it has made. No node is compared with another one: of 10,000 that took
    more than a minute."""

    def never(_node: LineageNode, _other: object) -> bool:
        raise AssertionError("compared")

    monkeypatch.setattr(LineageNode, "__eq__", never)
    of = {"account_id": ACCOUNT, "at": AT, "kind": "user", "request_id": "r", "name": "n", "by": "b", "state": "active"}
    absent = dict.fromkeys(
        ("arn", "access_key_id", "version", "sha256", "by_access_key_id", "by_session_id", "expires_at", "since")
    )

    def node(position: int, parent: int | None) -> LineageNode:
        maker = None if parent is None else {"account_id": ACCOUNT, "position": parent}
        ids = {"subject_id": f"AIDA{position}", "owner_id": f"AIDA{position}", "position": position}
        depth = 0 if parent is None else 1
        return LineageNode.model_validate(of | absent | ids | {"parent": maker, "depth": depth, "alive": True})

    nodes = [node(1, None), node(2, 1), node(3, 2), node(4, 1), node(5, 3)]
    contained, left = parted_by_spared(nodes, {"AIDA2"})
    assert [each.position for each in contained] == [1, 4]
    assert [each.position for each in left] == [2, 3, 5]
