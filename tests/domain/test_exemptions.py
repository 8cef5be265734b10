"""Exemptions: what may be granted and revoked."""

from datetime import timedelta
from typing import Any

import pytest

from domain.account import Account
from domain.families.exemptions import exemptions_of
from domain.foundation.errors import LimitExceeded, NoSuchEntity, Refusal, ValidationError
from domain.rules import exemptions
from domain.rules.exemptions import grant_exemption, revoke_exemption
from tests.domain.accounts import AT, after, new_account, with_users

DAY = timedelta(days=1)
ANN = "AIDAann"


def house() -> Account:
    return with_users(new_account(), "ann", "bob")


def granted(account: Account, exemption_id: str = "EXMP1", **other: Any) -> Account:
    wanted: dict[str, Any] = {"owner_id": ANN, "kinds": (), "reason": "moving", "until": AT + DAY, "at": AT} | other
    return after(account, grant_exemption(account, exemption_id=exemption_id, **wanted))


def test_granting_and_revoking() -> None:
    """It stands until it is revoked; what is over or unknown is not there to be revoked, and the nearest is named."""
    account = granted(house(), reason=" moving ", kinds=("access_key", "access_key"))
    (exemption,) = exemptions_of(account, ANN).values()
    assert (exemption.reason, exemption.kinds) == ("moving", ("access_key",))
    assert not exemptions_of(after(account, revoke_exemption(account, exemption_id="EXMP1", at=AT)), ANN)
    for exemption_id, at in (("EXMP1", AT + DAY), ("EXMP2", AT)):
        with pytest.raises(NoSuchEntity) as refused:
            revoke_exemption(account, exemption_id=exemption_id, at=at)
        assert ("EXMP1" in refused.value.suggestion) == (exemption_id == "EXMP2")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"until": AT}, "ends in the future"),
        ({"until": AT + 3_650 * DAY + timedelta(microseconds=1)}, "at most 3650 days"),
        ({"reason": "  "}, "1 to 256 characters; got 0"),
        ({"reason": "x" * 257}, "got 257"),
    ],
)
def test_what_is_refused(other: dict[str, Any], said: str) -> None:
    """Each limit, whose last value is granted."""
    with pytest.raises(ValidationError, match=said):
        granted(house(), **other)
    granted(house(), until=AT + 3_650 * DAY, reason="x" * 256)


@pytest.mark.parametrize("limit", ["OF_OWNER_MAX", "OF_ACCOUNT_MAX"])
def test_how_many(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Of an owner and of the account: as many as the limit, and not one more."""
    monkeypatch.setattr(exemptions, limit, 2)
    account = granted(granted(house(), "EXMP1"), "EXMP2")
    refused: type[Refusal] = LimitExceeded
    with pytest.raises(refused, match="has 2 exemptions; at most 2"):
        granted(account, "EXMP3")
    if limit == "OF_OWNER_MAX":
        granted(account, "EXMP3", owner_id="AIDAbob")
