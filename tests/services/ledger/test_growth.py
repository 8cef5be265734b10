"""Each account's share of what may be written in an hour."""

import pytest

from domain.calls import ApiCalled
from domain.foundation.events import Cause, Entry
from domain.foundation.identifiers import INSTALLATION
from services.ledger.growth import GrowthShares
from services.ledger.mapper import EntryMapper
from services.settings import InvalidSetting, read_settings
from tests.projections.ledger import NOW, cause_of

ACCOUNT, STRANGER = "123456789012", "210987654321"
CALLED = ApiCalled(read_only=True, parameters={})


def entry(cause: Cause, account_id: str = ACCOUNT) -> Entry:
    return Entry(account_id, 1, "event", NOW, cause, CALLED)


def test_who_writes_pays() -> None:
    """Whatever ledger it is written in, a call is charged to its caller's account, never to the one that it is about;
    what the operator does, and what proves nothing, to nobody."""
    shares = GrowthShares(1_000, clock=lambda: 0.0)
    shares.charge(entry(cause_of(ACCOUNT, "ada"), STRANGER), 1_000)
    operator = cause_of(STRANGER, "ada").model_copy(update={"origin": "operator", "principal": None})
    shares.charge(entry(operator, STRANGER), 5_000)
    nobody = cause_of(STRANGER, "ada").model_copy(update={"principal": None})
    shares.charge(entry(nobody, INSTALLATION), 5_000)
    assert shares.is_used_up(ACCOUNT, ends_access=False)
    assert not shares.is_used_up(ACCOUNT, ends_access=True)
    assert not shares.is_used_up(STRANGER, ends_access=False)


def test_a_share_comes_back() -> None:
    """As time passes, and no more than there was; what takes access away has as much again."""
    now = [0.0]
    shares = GrowthShares(3_600, clock=lambda: now[0])
    shares.charge(entry(cause_of(ACCOUNT, "ada")), 7_200)
    assert shares.is_used_up(ACCOUNT, ends_access=True)
    now[0] = 1.0
    assert not shares.is_used_up(ACCOUNT, ends_access=True)
    now[0] = 3_600.0
    assert shares.is_used_up(ACCOUNT, ends_access=False)
    now[0] = 3_601.0
    assert not shares.is_used_up(ACCOUNT, ends_access=False)
    now[0] = 100_000.0
    shares.charge(entry(cause_of(ACCOUNT, "ada")), 3_600)
    assert shares.is_used_up(ACCOUNT, ends_access=False)


def test_without_a_limit() -> None:
    """Zero limits nobody."""
    shares = GrowthShares(0)
    shares.charge(entry(cause_of(ACCOUNT, "ada")), 1 << 60)
    assert not shares.is_used_up(ACCOUNT, ends_access=False)


def test_every_entry_is_charged_its_bytes() -> None:
    """As they stand in the ledger."""
    charged: list[int] = []
    mapper = EntryMapper(lambda _entry, size: charged.append(size))
    stored = mapper.to_stored_event(entry(cause_of(ACCOUNT, "ada")))
    assert charged == [len(stored.state)]


@pytest.mark.parametrize("text", ["-1", "1.5", "a lot", "²"])
def test_a_share_that_is_none(text: str) -> None:
    """Is refused at the start; the default is a gibibyte."""
    with pytest.raises(InvalidSetting, match="MUNIMENT_ACCOUNT_MIB_AN_HOUR"):
        read_settings({"MUNIMENT_ACCOUNT_MIB_AN_HOUR": text})
    assert read_settings({}).account_bytes_an_hour == 1 << 30
