"""Whom AWS would tell what concerns the account."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.families.account_contacts import ALTERNATE_CONTACTS, CONTACT_INFORMATION, AlternateContactType


@check(
    of=ACCOUNT,
    reads=(CONTACT_INFORMATION,),
    title="The account has contact information",
    rationale="Who is to answer for the account has to be found when something is wrong with it.",
    remediation="aws account put-contact-information --contact-information FullName=NAME,…",
    severity="low",
)
def no_contact_information(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, account[CONTACT_INFORMATION] is None)


@check(
    of=ACCOUNT,
    reads=(ALTERNATE_CONTACTS,),
    title="Somebody is named to be told about security",
    rationale="What is sent to whoever pays the bills, those who have to act on it do not read.",
    remediation="aws account put-alternate-contact --alternate-contact-type SECURITY --name NAME …",
    severity="medium",
)
def no_alternate_contact(
    account: Account, holder_id: str, *, contact_type: AlternateContactType = "SECURITY"
) -> Iterator[CheckFinding]:
    """Or about bills or operations."""
    yield violated(holder_id, contact_type not in account[ALTERNATE_CONTACTS])
