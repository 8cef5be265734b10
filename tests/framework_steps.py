"""The steps of random histories with compliance frameworks that the account adopts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.compliance.adoption import adopt_framework, drop_framework
from domain.compliance.frameworks import built_in_frameworks, framework
from domain.compliance.intervals import Violation, ViolationKey
from domain.compliance.recording import SeenTurns, ViolationTurn, turn_events
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ControlDefinition,
    ControlTest,
    FrameworkDefinition,
)
from domain.foundation.events import Event
from domain.foundation.identifiers import Random
from tests.step_draws import Nothing, one

DAYS = st.sampled_from([3, 80])
"""So that much happens by time in a short history."""


def own_framework(name: str, days: int) -> FrameworkDefinition:
    """Of parameters that no built-in framework has, and one criterion that they have, too."""
    tests = (
        ControlTest(check="access_key_age", parameters={"days": days}),
        ControlTest(check="user_untagged", parameters={"keys": ("a",)}),
        ControlTest(check="root_access_key"),
    )
    controls = tuple(ControlDefinition(id=str(number), title="t", tests=(test,)) for number, test in enumerate(tests))
    return FrameworkDefinition(name=name, version=str(days), title="t", source="s", controls=controls)


def framework_step(draw: DrawFn, account: Account, at: datetime, _random: Random) -> Sequence[Event]:
    adopted = account[COMPLIANCE_FRAMEWORKS]
    chosen = draw(st.sampled_from(["adopt", "adopt", "own", "drop", "record"]))
    if chosen == "adopt":
        return adopt_framework(account, built_in_frameworks()["cis-5.0"], at)
    if chosen == "own":
        definition = own_framework(draw(st.sampled_from(["own", "other"])), draw(DAYS))
        return adopt_framework(account, framework(definition), at)
    name = one(draw, adopted)
    return [drop_framework(account, name)] if chosen == "drop" else _recorded(account, at)


def _recorded(account: Account, at: datetime) -> Sequence[Event]:
    """Of what tables may tell: here, that root has had an access key for a moment."""
    key = ViolationKey("root_access_key()", account.id)
    ends_at = at - timedelta(microseconds=1)
    root = Violation(key, account.id, "root", 1, ends_at, by_time=False, opened_by="root", ends_at=ends_at)
    turns = [ViolationTurn(ends_at, f"{number}", bool(number), root) for number in range(2)]
    events = turn_events(account, SeenTurns(turns, None, account.position, at, at), at)
    if not events:
        raise Nothing
    return events
