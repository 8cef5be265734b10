"""Account Management's operations on contacts."""

from collections.abc import Mapping

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.account_contacts import AlternateContact, AlternateContactType, ContactInformation
from domain.rules import account_contacts
from services.account_management.targets import SERVICE, changed, target_account, target_resource
from services.wire.operations import Parameters, answers


def _contact_type(_account: Account, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    return {"account:alternatecontacttypes": (parameters["alternate_contact_type"],)}


@answers("GetContactInformation", service=SERVICE, on=target_resource, records="account_id")
def get_contact_information(account: Account, call: Call, *, account_id: str | None = None) -> Outcome:
    """Nobody verifies phone numbers here."""
    contact = account_contacts.contact_information(target_account(account, call, account_id))
    members = {"ContactInformation": _members(contact), "VerificationStatus": "NOT_SUPPORTED"}
    return Outcome(lambda _after: members)


@answers("PutContactInformation", service=SERVICE, on=target_resource, records="account_id")
def put_contact_information(
    account: Account, call: Call, *, contact_information: Mapping[str, str], account_id: str | None = None
) -> Outcome:
    target = target_account(account, call, account_id)
    contact = ContactInformation.model_validate(contact_information)
    return changed(account, call, target, account_contacts.set_contact_information(target, contact))


@answers(
    "GetAlternateContact",
    service=SERVICE,
    on=target_resource,
    context=_contact_type,
    records="account_id alternate_contact_type",
)
def get_alternate_contact(
    account: Account, call: Call, *, alternate_contact_type: AlternateContactType, account_id: str | None = None
) -> Outcome:
    contact = account_contacts.alternate(target_account(account, call, account_id), alternate_contact_type)
    members = {**_members(contact), "AlternateContactType": alternate_contact_type}
    return Outcome(lambda _after: {"AlternateContact": members})


@answers(
    "PutAlternateContact",
    service=SERVICE,
    on=target_resource,
    context=_contact_type,
    records="account_id alternate_contact_type",
)
def put_alternate_contact(
    account: Account,
    call: Call,
    *,
    alternate_contact_type: AlternateContactType,
    name: str,
    title: str,
    email_address: str,
    phone_number: str,
    account_id: str | None = None,
) -> Outcome:
    target = target_account(account, call, account_id)
    contact = AlternateContact(name=name, title=title, email_address=email_address, phone_number=phone_number)
    return changed(account, call, target, account_contacts.set_alternate(target, alternate_contact_type, contact))


@answers(
    "DeleteAlternateContact",
    service=SERVICE,
    on=target_resource,
    context=_contact_type,
    records="account_id alternate_contact_type",
    ends_access=lambda _parameters: False,
)
def delete_alternate_contact(
    account: Account, call: Call, *, alternate_contact_type: AlternateContactType, account_id: str | None = None
) -> Outcome:
    target = target_account(account, call, account_id)
    return changed(account, call, target, [account_contacts.remove_alternate(target, alternate_contact_type)])


def _members(contact: ContactInformation | AlternateContact) -> dict[str, object]:
    """Under AWS's names."""
    said = contact.model_dump(exclude_none=True)
    return {"".join(part.capitalize() for part in name.split("_")): value for name, value in said.items()}
