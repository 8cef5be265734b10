"""The steps of random histories with trails."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.trails import NewTrailKeyFacts
from domain.foundation.events import Event
from domain.foundation.identifiers import Random
from domain.foundation.secret import Secret
from domain.rules import trails


def trail_step(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    if draw(st.booleans()):
        # Its private half lies sealed beside the ledger, and is no affair of the account's value.
        return [trails.create_trail_key(account, NewTrailKeyFacts(random(16).hex(), "AA==", Secret("x")))]
    name, prefix = draw(st.sampled_from(["main", "other"])), draw(st.sampled_from([None, "logs"]))
    begun = trails.begin_trail(account, name=name, bucket="trail", prefix=prefix, begins_at=trails.hour_of(at))
    return [] if begun is None else [begun]
