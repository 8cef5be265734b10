"""Random legal histories of an account, made by asking the rules as the doors do: what they refuse does not happen."""

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.foundation.errors import Refusal
from domain.foundation.events import Cause, Change, Entry, Event
from domain.foundation.identifiers import Random
from domain.installation import Installation
from domain.ledger_state import empty, evolve
from domain.rules import accounts
from tests.analyzer_steps import analyzer_step
from tests.framework_steps import framework_step
from tests.notification_steps import notification_target_step
from tests.provider_steps import oidc_provider_step, saml_provider_step
from tests.review_steps import access_review_step
from tests.role_steps import (
    account_setting_step,
    instance_profile_step,
    organizations_feature_step,
    report_step,
    service_linked_role_step,
)
from tests.step_draws import Nothing, Step
from tests.steps import ACCOUNT, STEPS
from tests.trail_steps import trail_step

OTHER_STEPS: tuple[Step, ...] = (
    *(
        account_setting_step,
        instance_profile_step,
        instance_profile_step,
        oidc_provider_step,
        organizations_feature_step,
        report_step,
    ),
    *(analyzer_step, analyzer_step, notification_target_step, saml_provider_step, service_linked_role_step),
    *(access_review_step, framework_step, framework_step, trail_step),
)
ANY_STEP = st.sampled_from([*STEPS, *OTHER_STEPS])
BEGAN_AT = datetime(2026, 1, 31, 23, 50, tzinfo=UTC)
"""Shortly before a month ends, so that most histories write to two partitions."""
PAUSES = st.sampled_from(
    [timedelta(), timedelta(microseconds=1), timedelta(minutes=4), timedelta(hours=37), timedelta(days=80)]
)
"""Some end a window of last use, some outlive a revocation, some make a key idle or old, and many events share one
time."""


def never_twice(first: int = 0) -> Random:
    """Bytes for ids: other ones with every draw, the same ones in every run. What continues another begins later."""
    numbers = itertools.count(first)
    return lambda count: hashlib.shake_128(b"%d" % next(numbers)).digest(count)


@st.composite
def histories(draw: DrawFn, *, calls_max: int = 30, first: Sequence[Step] = ()) -> list[Entry]:
    """The first entries of ACCOUNT's ledger, changes and uses, positions dense from 1 and times never backwards.

    It begins as every account does, and with the steps that are to be the first; then follow calls, each with its own
    cause and time. At least half of `calls_max` are tried.
    """
    random = never_twice()
    _, beginning = accounts.open_account(Installation(), ACCOUNT, "aws", random)
    ledger: list[Entry] = []
    account, at = called(Account(ACCOUNT), ledger, beginning, BEGAN_AT)
    for step in [*first, *draw(st.lists(ANY_STEP, min_size=calls_max // 2, max_size=calls_max))]:
        at += draw(PAUSES)
        try:
            events = step(draw, account, at, random)
        except (Refusal, Nothing):
            continue
        account, at = called(account, ledger, events, at)
    if draw(st.integers(0, 9)) == 0:
        called(account, ledger, accounts.close_account(account)[0], at + draw(PAUSES))
    return ledger


def called(account: Account, ledger: list[Entry], events: Sequence[Event], at: datetime) -> tuple[Account, datetime]:
    """The account after the call; its entries are put behind the ledger."""
    first = len(ledger) + 1
    request_id = f"{first:032x}"
    cause = Cause(origin="api", request_id=request_id, shared_id=request_id, service="iam", operation="Any")
    entries = [
        Entry(ACCOUNT, position, f"{position:08x}-0000-4000-8000-000000000000", at, cause, event)
        for position, event in enumerate(events, first)
    ]
    ledger += entries
    return folded(entries, account), at


def folded(entries: Iterable[Entry], account: Account | None = None) -> Account:
    """What the changes among the entries make of an account; by default of one whose ledger begins with them."""
    value = empty(ACCOUNT) if account is None else account
    for entry in entries:
        if isinstance(entry.event, Change):
            value = evolve(value, entry)
    assert isinstance(value, Account)
    return value
