"""The histories that other tests are made from are legal, well-formed, and reach every change of an account."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from domain.account import AccountCreated
from domain.foundation.events import Change, Entry, Event, event_classes
from domain.installation import (
    AccessKeyIdClaimed,
    AccountOpened,
    AccountRetired,
    ActionCataloguePublished,
    AliasClaimed,
    AliasReleased,
    InstallationFounded,
    ManagedCataloguePublished,
    OperatorTargetAdded,
    OperatorTargetRemoved,
    OperatorTargetTested,
    OrganizationRemoved,
    OrganizationSet,
    ServicePrincipalDeregistered,
    ServicePrincipalRegistered,
    TransparencyLogStarted,
)
from tests.histories import histories

OF_THE_INSTALLATION: set[type[Event]] = {
    InstallationFounded,
    AccountOpened,
    AccountRetired,
    AliasClaimed,
    AliasReleased,
    AccessKeyIdClaimed,
    ManagedCataloguePublished,
    OrganizationSet,
    OrganizationRemoved,
    ActionCataloguePublished,
    ServicePrincipalRegistered,
    ServicePrincipalDeregistered,
    OperatorTargetAdded,
    OperatorTargetRemoved,
    OperatorTargetTested,
    TransparencyLogStarted,
}


@given(histories())
def test_ledgers_are_well_formed(ledger: list[Entry]) -> None:
    """Every history begins with the account's creation, has dense positions and a time that never runs backwards."""
    assert isinstance(ledger[0].event, AccountCreated)
    assert [entry.position for entry in ledger] == list(range(1, len(ledger) + 1))
    assert all(earlier.at <= later.at for earlier, later in pairwise(ledger))


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_every_change_is_reached() -> None:
    """A change that no history contains would be left out of every property that is tested with histories."""
    changes = {event for event in event_classes().values() if issubclass(event, Change)} - OF_THE_INSTALLATION
    missing = set(changes)

    def all_are_reached(ledger: list[Entry]) -> bool:
        missing.difference_update(type(entry.event) for entry in ledger)
        return not missing

    fixed = settings(
        derandomize=True,
        max_examples=2_400,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with suppress(NoSuchExample):
        find(histories(calls_max=80), all_are_reached, settings=fixed)
    assert not missing
