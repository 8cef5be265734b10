"""Contacts of an account, as clients give them, and as they are kept."""

from domain.families.account_contacts import AlternateContact, ContactInformation

CONTACT_INFORMATION = {
    "FullName": "Ann Example",
    "AddressLine1": "1 Main Street",
    "City": "Berlin",
    "PostalCode": "10115",
    "CountryCode": "DE",
    "StateOrRegion": "Berlin",
    "PhoneNumber": "+49 30 1",
}
ALTERNATE_CONTACT = {
    "Name": "Ann Example",
    "Title": "Head of Security",
    "EmailAddress": "ann@example.com",
    "PhoneNumber": "+49 30 1",
}
INFORMATION = ContactInformation(
    full_name="Ann Example",
    address_line1="1 Main Street",
    city="Berlin",
    postal_code="10115",
    country_code="DE",
    state_or_region="Berlin",
    phone_number="+49 30 1",
)
ALTERNATE = AlternateContact(
    name="Ann Example", title="Head of Security", email_address="ann@example.com", phone_number="+49 30 1"
)
