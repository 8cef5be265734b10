"""The steps of random histories with contacts of the account."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.account_contacts import CONTACT_INFORMATION, AlternateContactType, ContactInformationRemoved
from domain.foundation.events import Event
from domain.foundation.identifiers import Random
from domain.rules import account_contacts
from tests.services.contacts import ALTERNATE, INFORMATION
from tests.step_draws import NAMES

TYPES: st.SearchStrategy[AlternateContactType] = st.sampled_from(["BILLING", "SECURITY"])


def contact_step(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    chosen, name = draw(st.sampled_from(["set", "set alternate", "remove alternate"])), draw(NAMES)
    if chosen == "set alternate":
        return account_contacts.set_alternate(account, draw(TYPES), ALTERNATE.model_copy(update={"name": name}))
    if chosen == "remove alternate":
        return [account_contacts.remove_alternate(account, draw(TYPES))]
    if account[CONTACT_INFORMATION] is not None and name == "bob":
        return [ContactInformationRemoved()]
    return account_contacts.set_contact_information(account, INFORMATION.model_copy(update={"full_name": name}))
