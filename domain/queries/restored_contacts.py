"""How contacts of the account that a lineage may have altered are told, and how they are put back."""

from collections.abc import Iterator
from typing import cast

from domain.account import Account, AccountChange
from domain.families.account_contacts import (
    ALTERNATE_CONTACTS,
    CONTACT_INFORMATION,
    AlternateContactRemoved,
    AlternateContactSet,
    AlternateContactType,
    ContactInformationRemoved,
    ContactInformationSet,
)
from domain.lineage_kinds import SettingDelta
from domain.queries.setting_rows import SettingRow


def _information(_delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    before = former[CONTACT_INFORMATION]
    yield ContactInformationRemoved() if before is None else ContactInformationSet(contact=before)


def _information_text(account: Account, _account_id: str, _subject: str) -> str | None:
    contact = account[CONTACT_INFORMATION]
    return None if contact is None else str(contact)


def _alternate(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    contact_type = cast("AlternateContactType", delta.subject_id)
    before = former[ALTERNATE_CONTACTS].get(contact_type)
    if before is None:
        yield AlternateContactRemoved(contact_type=contact_type)
    else:
        yield AlternateContactSet(contact_type=contact_type, contact=before)


def _alternate_text(account: Account, _account_id: str, contact_type: str) -> str | None:
    contact = account[ALTERNATE_CONTACTS].get(contact_type)
    return None if contact is None else str(contact)


CONTACT_ROWS = {
    "contact_information": SettingRow(lambda *_: "contact information of the account", _information_text, _information),
    "alternate_contact": SettingRow(
        lambda _account, _id, contact_type: f"{contact_type} contact of the account", _alternate_text, _alternate
    ),
}
"""By the kinds of the lineage's nodes."""
