"""What every change says of itself, and that none is declared without it."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from domain import account
from domain.account import Account, AccountChange, AffectsNobody, Component, CorruptLedger
from domain.entity_kinds import entity_title, kind_of_index
from domain.facts import Fact, FactValue
from domain.families.aliases import ACCOUNT_ALIAS, AccountAliasCreated
from domain.families.tags import TAGS, EntityTagged
from domain.families.users import USER, USERS, User
from domain.foundation import events
from domain.foundation.entity_index import EntityIndex
from domain.foundation.events import Change
from domain.installation import Installation, InstallationChange
from domain.lineage_kinds import LineageKind
from domain.registry import components, event_classes
from tests.domain.accounts import ACCOUNT, AT, after, new_account, with_users
from tests.vectors.events.generate import examples

CHANGES = sorted(
    (event for event in event_classes().values() if issubclass(event, Change)), key=lambda event: event.topic
)


@pytest.fixture
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone afterwards."""
    monkeypatch.setattr(events, "_events", dict(events._events))
    monkeypatch.setattr(account, "_components", dict(account._components))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.topic)
def test_every_change_says_what_it_means(change: type[Change]) -> None:
    """In a sentence; and, of an account, whose facts are others afterwards. It is of an account or the installation."""
    for example in examples(change):
        event = example.event
        assert isinstance(event, AccountChange | InstallationChange)
        told = event.describe()
        assert re.fullmatch(r"[A-Z0-9].*\.", told, re.DOTALL)
        if isinstance(event, AccountChange):
            assert all(isinstance(subject, str) for subject in event.changed_subjects(ACCOUNT))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.topic)
def test_every_change_folds_or_is_corruption(change: type[Change]) -> None:
    """Whatever a change says that no rule has made, it gives a value of its ledger or LookupError."""
    for example in examples(change):
        event = example.event
        assert isinstance(event, AccountChange | InstallationChange)
        try:
            if isinstance(event, AccountChange):
                folded = event.fold(new_account(), AT)
                assert isinstance(folded, Account)
                assert isinstance(event.affected_principals(new_account(), folded), frozenset | None)
            else:
                assert isinstance(event.fold(Installation(), example), Installation)
        except LookupError:
            pass


@pytest.mark.usefixtures("_declared")
def test_a_change_that_leaves_something_out_cannot_be_declared() -> None:
    """Its module does not import, and its topic is not taken."""
    with pytest.raises(TypeError, match=r"_Silent does not say: affected_principals, changed_subjects, describe, fold"):

        class _Silent(AccountChange, topic="test.silent.v1"):
            pass

    with pytest.raises(TypeError, match=r"_Half does not say: changed_subjects, describe\."):

        class _Half(AffectsNobody, topic="test.silent.v1"):
            def fold(self, account: Account, at: datetime) -> Account:
                raise NotImplementedError

    with pytest.raises(TypeError, match=r"_OfInstallation does not say: describe, fold\."):

        class _OfInstallation(InstallationChange, topic="test.silent.v1"):
            pass

    assert "test.silent.v1" not in event_classes()


def test_a_change_of_the_installation_is_none_of_an_account() -> None:
    """And the other way round: neither folds into the other's ledger."""
    opened = next(change for change in CHANGES if change.topic == "installation.account.opened.v1")
    for example in examples(opened):
        assert isinstance(example.event, Change)
        with pytest.raises(CorruptLedger, match="AccountOpened"):
            after(new_account(), example.event)


@pytest.mark.usefixtures("_declared")
def test_a_component_is_declared_once() -> None:
    """Its name is that of a column in snapshots."""
    with pytest.raises(TypeError, match="There is a component users already"):
        Component[int]("users", 0)
    added = Component[int]("added", 7)
    assert components() == sorted({*components(), added}, key=lambda component: component.name)
    assert added.type is int
    assert new_account()[added] == 7
    assert new_account().put(added, 8)[added] == 8


def test_a_kind_of_entity_is_declared_once() -> None:
    def facts(_account: Account, _user: User) -> Iterator[tuple[Fact, FactValue]]:
        raise NotImplementedError

    with pytest.raises(TypeError, match="There is a kind of entity user already"):
        kind_of_index("user", "AIDA", USERS, facts)
    with pytest.raises(TypeError, match="There is a kind of lineage node user already"):
        LineageKind("user")
    with pytest.raises(LookupError, match="AIDAnobody"):
        entity_title(new_account(), "AIDAnobody")
    assert entity_title(with_users(new_account(), "ann"), "AIDAann") == "user ann"
    assert USER.title == "User"


def test_an_entity_of_no_kind_is_no_event() -> None:
    """What a stored event says of it is checked as the rest of it is."""
    with pytest.raises(ValueError, match=r"There is no kind of entity rule, but .*role, .*user"):
        EntityTagged(entity="rule", entity_id="X", entity_name="x", tags={})


def test_a_component_that_was_never_put_equals_an_empty_one() -> None:
    """Two accounts are equal that say the same; one part that differs makes them differ."""
    account = with_users(new_account(), "ann")
    emptied = account.put(USERS, EntityIndex("user")).put(ACCOUNT_ALIAS, None)
    assert emptied == account.put(USERS, EntityIndex("user")).put(TAGS, TAGS.empty)
    assert emptied != account
    assert account != after(account, AccountAliasCreated(account_alias="a"))
    assert account != "account"
