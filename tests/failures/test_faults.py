"""Faults under load, one of each: what was acknowledged stands, once and unchanged. `make faults` does more."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.failures.scenarios import CONTROL, SCENARIOS, Scenario, Sites, measured
from tests.failures.sites import NoMount, Site

CLIENTS = 4
SiteFor = Callable[[Sites], Site]


@pytest.fixture(scope="module")
def site_for() -> Iterator[SiteFor]:
    """Scenarios of one kind share a server: each mends what it has broken."""
    opened: dict[Sites, Site] = {}
    with ExitStack() as stack:

        def site_for(kind: Sites) -> Site:
            if kind not in opened:
                entered: AbstractContextManager[Site] = kind()
                opened[kind] = stack.enter_context(entered)
            return opened[kind]

        yield site_for


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_acknowledged_is_lost_doubled_or_changed(scenario: Scenario, site_for: SiteFor) -> None:
    """Answers meanwhile are 503, never 403; afterwards calls are answered again, and nobody had to help."""
    try:
        site = site_for(scenario.site)
    except NoMount as reason:
        pytest.skip(str(reason))
    found = measured(scenario, site, faults=1, clients=CLIENTS)
    assert found.strange == []
    assert not found.findings, found.findings


def test_the_meter_bites(site_for: SiteFor) -> None:
    """Where commits are acknowledged before they are written, the same kill loses some, and the meter says so."""
    found = measured(CONTROL, site_for(CONTROL.site), faults=1, clients=CLIENTS)
    assert found.findings.lost
