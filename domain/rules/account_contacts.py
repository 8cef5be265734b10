"""The account's contacts: what they have to say, and what becomes of them.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-update-contact.html
"""

import re

from domain.account import Account
from domain.families.account_contacts import (
    ALTERNATE_CONTACTS,
    CONTACT_INFORMATION,
    AlternateContact,
    AlternateContactRemoved,
    AlternateContactSet,
    AlternateContactType,
    ContactInformation,
    ContactInformationSet,
)
from domain.foundation.errors import ResourceNotFoundException, constraint_violation

_COUNTRY = re.compile("[A-Z]{2}")
_WITH_STATE = ("BR", "CA", "DE", "GB", "IN", "JP", "US")
"""Countries in which an address has a StateOrRegion (API Reference, "ContactInformation")."""


def contact_information(account: Account) -> ContactInformation:
    """Raises ResourceNotFoundException."""
    contact = account[CONTACT_INFORMATION]
    if contact is None:
        raise ResourceNotFoundException(
            f"The account {account.id} has no contact information.", resource_id=account.id, resource_type="Contact"
        )
    return contact


def set_contact_information(account: Account, contact: ContactInformation) -> tuple[ContactInformationSet, ...]:
    """Nothing where it says so already. Raises ValidationError."""
    if not _COUNTRY.fullmatch(contact.country_code):
        raise constraint_violation(
            "contactInformation.countryCode", "Member must be the two upper-case letters of a country in ISO 3166"
        )
    if contact.state_or_region is None and contact.country_code in _WITH_STATE:
        raise constraint_violation(
            "contactInformation.stateOrRegion", f"Member must not be null in {', '.join(_WITH_STATE)}", "Value null"
        )
    return () if account[CONTACT_INFORMATION] == contact else (ContactInformationSet(contact=contact),)


def alternate(account: Account, contact_type: AlternateContactType) -> AlternateContact:
    """Raises ResourceNotFoundException."""
    contact = account[ALTERNATE_CONTACTS].get(contact_type)
    if contact is None:
        raise ResourceNotFoundException(
            "No contact of the inputted alternate contact type found.",
            f"the account {account.id} has no {contact_type} contact",
            resource_id=account.id,
            resource_type="AlternateContact",
        )
    return contact


def set_alternate(
    account: Account, contact_type: AlternateContactType, contact: AlternateContact
) -> tuple[AlternateContactSet, ...]:
    """Nothing where it says so already."""
    if account[ALTERNATE_CONTACTS].get(contact_type) == contact:
        return ()
    return (AlternateContactSet(contact_type=contact_type, contact=contact),)


def remove_alternate(account: Account, contact_type: AlternateContactType) -> AlternateContactRemoved:
    """Raises ResourceNotFoundException."""
    alternate(account, contact_type)
    return AlternateContactRemoved(contact_type=contact_type)
