"""The steps of random histories with lifecycle profiles and exemptions, and what the scheduler records by them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.exemptions import EXEMPTIONS, ExemptionGranted, ExemptionRevoked
from domain.families.lifecycle_profiles import CredentialRules, DeadlineAction, LifecycleProfile
from domain.families.roles import ROLES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.users import USERS
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, subject_name
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, remove_profile, set_profile
from domain.rules.session_expiries import Expiries
from tests.step_draws import Nothing

GONE_AT_ONCE = DeadlineAction(action="deactivate", delete_after_days=1)
EAGER = LifecycleProfile(
    name="eager",
    version=1,
    rules={
        "access_key": CredentialRules(
            max_age_days=2,
            warn_before_days=(1,),
            overlap_days=1,
            max_idle_days=1,
            when_overdue=GONE_AT_ONCE,
            when_idle=GONE_AT_ONCE,
        ),
        "signing_certificate": CredentialRules(warn_before_days=(1,)),
    },
)
"""So that something becomes of credentials while a history lasts."""


def profile(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    if draw(st.integers(0, 3)) == 0:
        return [remove_profile(account)]
    return set_profile(account, draw(st.sampled_from([EAGER, EAGER, BUILT_IN_PROFILES["cis-5.0"]])))


def exemption(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    there = sorted((owner_id, each) for owner_id, theirs in account[EXEMPTIONS].items() for each in theirs)
    revokes: bool = draw(st.booleans())
    if there and revokes:
        owner_id, exemption_id = draw(st.sampled_from(there))
        owner = {"owner_id": owner_id, "owner_name": subject_name(account, owner_id)}
        return [ExemptionRevoked(exemption_id=exemption_id, **owner)]
    owner_id = draw(st.sampled_from(subjects(account)))
    granted = ExemptionGranted(
        exemption_id=new_unique_id("EXMP", random),
        owner_id=owner_id,
        owner_name=subject_name(account, owner_id),
        kinds=draw(st.sampled_from([(), ("access_key",)])),
        reason="moving",
        until=at + timedelta(hours=draw(st.integers(1, 30))),
    )
    return [granted]


def subjects(account: Account) -> list[str]:
    """Whose credentials time may change."""
    kept = (account[USERS].by_id, account[ROLES].by_id, account[SERVER_CERTIFICATES].by_id, account[SAML_PROVIDERS])
    return [account.id, *sorted(each for of_kind in kept for each in of_kind)]


def recorded(account: Account, expiries: Expiries | None, at: datetime) -> Sequence[Event]:
    """What the scheduler adds when it comes by. Raises Nothing where that is nothing."""
    events = due_events(account, LifecycleCandidates(subjects(account), expiries), at, protection).events
    if not events:
        raise Nothing
    return events
