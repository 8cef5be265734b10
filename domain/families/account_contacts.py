"""Whom AWS would tell what concerns the account: its primary contact, and those for bills, operations and security.

Shapes are those of AWS Account Management (API Reference, "ContactInformation" and "AlternateContact").
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from immutables import Map

from domain.account import Account, AffectsNobody, Component, OfAccount, forget_key
from domain.facts import Attributes, Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Value
from domain.foundation.personal import Personal
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta

AlternateContactType = Literal["BILLING", "OPERATIONS", "SECURITY"]


class ContactInformation(Value):
    full_name: Personal[str]
    address_line1: Personal[str]
    city: Personal[str]
    postal_code: Personal[str]
    country_code: Personal[str]
    """Two letters of ISO 3166."""
    phone_number: Personal[str]
    address_line2: Personal[str | None] = None
    address_line3: Personal[str | None] = None
    state_or_region: Personal[str | None] = None
    district_or_county: Personal[str | None] = None
    company_name: Personal[str | None] = None
    website_url: Personal[str | None] = None

    def __str__(self) -> str:
        return f"{self.full_name}, {self.phone_number}"


class AlternateContact(Value):
    name: Personal[str]
    title: Personal[str]
    email_address: Personal[str]
    phone_number: Personal[str]

    def __str__(self) -> str:
        return f"{self.name}, {self.email_address}, {self.phone_number}"


CONTACT_INFORMATION = Component[ContactInformation | None]("contact_information", None)
ALTERNATE_CONTACTS = Component[Map[str, AlternateContact]]("alternate_contacts", Map())
"""By type."""
CONTACT_INFORMATION_FACT = FactKind("contact information", "was set", "was removed")
ALTERNATE_CONTACT_FACT = FactKind("alternate contact", "was set", "was removed")
_CONTACT = "contact"


def _information_parts(account: Account, _account_id: str, _subject: str) -> Parts:
    contact = account[CONTACT_INFORMATION]
    return {} if contact is None else {_CONTACT: contact.model_dump_json()}


def _without_information(delta: SettingDelta, parts: Parts) -> Account:
    contact = ContactInformation.model_validate_json(parts[_CONTACT]) if parts else None
    return delta.account.put(CONTACT_INFORMATION, contact)


def _alternate_parts(account: Account, _account_id: str, contact_type: str) -> Parts:
    contact = account[ALTERNATE_CONTACTS].get(contact_type)
    return {} if contact is None else {_CONTACT: contact.model_dump_json()}


def _without_alternate(delta: SettingDelta, parts: Parts) -> Account:
    contacts = forget_key(delta.account[ALTERNATE_CONTACTS], delta.subject_id)
    if parts:
        contacts = contacts.set(delta.subject_id, AlternateContact.model_validate_json(parts[_CONTACT]))
    return delta.account.put(ALTERNATE_CONTACTS, contacts)


# They let nobody in: this server writes to no contact. Whoever does is told another address.
LineageKind(
    "contact_information",
    "contact information of {account}",
    setting=Setting(_information_parts, _without_information, openings=lambda _delta: iter(()), is_keyed=True),
)
LineageKind(
    "alternate_contact",
    "{name} contact of {account}",
    setting=Setting(_alternate_parts, _without_alternate, openings=lambda _delta: iter(()), is_keyed=True),
)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject != account.id:
        return
    contact = account[CONTACT_INFORMATION]
    if contact is not None:
        yield Fact(CONTACT_INFORMATION_FACT, account.id), FactValue(str(contact), _said(contact))
    for contact_type, alternate in account[ALTERNATE_CONTACTS].items():
        yield Fact(ALTERNATE_CONTACT_FACT, contact_type), FactValue(contact_type, _said(alternate))


def _said(contact: ContactInformation | AlternateContact) -> Attributes:
    return contact.model_dump(exclude_none=True)


class ContactInformationSet(AffectsNobody, OfAccount, topic="account.contact_information.set.v1"):
    """In the place of the former, whole."""

    contact: ContactInformation
    sentence = "The account's contact information was set: {contact}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(CONTACT_INFORMATION, self.contact)


class ContactInformationRemoved(AffectsNobody, OfAccount, topic="account.contact_information.removed.v1"):
    """What a lineage has set where there was none before was taken back."""

    sentence = "The account's contact information was removed."

    def fold(self, account: Account, at: datetime) -> Account:
        if account[CONTACT_INFORMATION] is None:
            raise LookupError("There is no contact information.")
        return account.put(CONTACT_INFORMATION, None)


class AlternateContactSet(AffectsNobody, OfAccount, topic="account.alternate_contact.set.v1"):
    """In the place of the former of this type, whole."""

    contact_type: AlternateContactType
    contact: AlternateContact
    sentence = "The {contact_type} contact was set: {contact}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ALTERNATE_CONTACTS, account[ALTERNATE_CONTACTS].set(self.contact_type, self.contact))


class AlternateContactRemoved(AffectsNobody, OfAccount, topic="account.alternate_contact.removed.v1"):
    contact_type: AlternateContactType
    sentence = "The {contact_type} contact was removed."

    def fold(self, account: Account, at: datetime) -> Account:
        contacts = account[ALTERNATE_CONTACTS]
        if self.contact_type not in contacts:
            raise LookupError(f"There is no {self.contact_type} contact.")
        return account.put(ALTERNATE_CONTACTS, contacts.delete(self.contact_type))
