"""Account Management: contacts, of the caller's account and of members of its organization, and regions."""

import json

import pytest

from domain.account import AccountClosed
from domain.calls import ApiCalled
from domain.families.account_contacts import AlternateContactSet, ContactInformationSet
from domain.families.organization import FULL_AWS_ACCESS, Level, OrganizationMembership, OrganizationPoliciesApplied
from domain.foundation.errors import AccessDenied, ResourceNotFoundException, ValidationError
from domain.queries.diff import changed_facts
from tests.services.contacts import ALTERNATE, ALTERNATE_CONTACT, CONTACT_INFORMATION
from tests.services.endpoint import ACCOUNT, Endpoint, Members, allow

MEMBER, STRANGER = "210987654321", "345678901234"
SECURITY = {"AlternateContactType": "SECURITY"}


def joins(endpoint: Endpoint, organization_id: str = "o-exampleorgid") -> None:
    places = {"r-ab12": "Root", "ou-ab12-11111111": "team", endpoint.account.id: f"account {endpoint.account.id}"}
    levels = tuple(Level(place, name, (FULL_AWS_ACCESS.policy,), ()) for place, name in places.items())
    membership = OrganizationMembership(organization_id, ACCOUNT, levels)
    endpoint.append(OrganizationPoliciesApplied(membership=membership))


@pytest.fixture
def manager() -> Endpoint:
    endpoint = Endpoint()
    joins(endpoint)
    return endpoint


@pytest.fixture
def member(manager: Endpoint) -> Endpoint:
    endpoint = Endpoint(MEMBER, beside=manager)
    joins(endpoint)
    return endpoint


def puts(endpoint: Endpoint, **members: object) -> Members:
    return endpoint.call(endpoint.root, "PutAlternateContact", **SECURITY, **ALTERNATE_CONTACT | members)


def test_what_was_put_is_told() -> None:
    """In an event and nowhere else: the record of the call has nothing of it. What says the same is no event."""
    endpoint = Endpoint()
    for operation, members in (("GetContactInformation", {}), ("GetAlternateContact", SECURITY)):
        with pytest.raises(ResourceNotFoundException):
            endpoint.call(endpoint.root, operation, **members)
    before = endpoint.account
    for _ in range(2):
        endpoint.call(endpoint.root, "PutContactInformation", ContactInformation=CONTACT_INFORMATION)
        assert endpoint.record.parameters == {}
        assert puts(endpoint) == {}
        assert endpoint.record.parameters == {"alternate_contact_type": "SECURITY"}
    told = endpoint.call(endpoint.root, "GetContactInformation")
    assert told == {"ContactInformation": CONTACT_INFORMATION, "VerificationStatus": "NOT_SUPPORTED"}
    told = endpoint.call(endpoint.root, "GetAlternateContact", **SECURITY)
    assert told == {"AlternateContact": {**ALTERNATE_CONTACT, **SECURITY}}
    events = [entry.event for entry in endpoint.entries]
    assert [type(event) for event in events if isinstance(event, ContactInformationSet | AlternateContactSet)] == [
        ContactInformationSet,
        AlternateContactSet,
    ]
    assert "ann@example.com" not in json.dumps(
        [event.model_dump(mode="json") for event in events if isinstance(event, ApiCalled)]
    )
    said = {fact.id: after for fact, _, after in changed_facts(before, endpoint.account, ACCOUNT)}["SECURITY"]
    assert said is not None
    assert said.said["email_address"] == "ann@example.com"
    endpoint.call(endpoint.root, "DeleteAlternateContact", **SECURITY)
    with pytest.raises(ResourceNotFoundException, match=r"^No contact of the inputted alternate contact type found"):
        endpoint.call(endpoint.root, "DeleteAlternateContact", **SECURITY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"StateOrRegion": None}, "'contactInformation.stateOrRegion'"),
        ({"CountryCode": "de"}, "'contactInformation.countryCode'"),
        ({"PhoneNumber": "030 1"}, "'contactInformation.phoneNumber'"),
    ],
)
def test_an_address_that_is_none(change: dict[str, str | None], said: str) -> None:
    """What the model does not say, the API Reference does: some countries have states, a code has upper case."""
    given = {name: value for name, value in {**CONTACT_INFORMATION, **change}.items() if value is not None}
    endpoint = Endpoint()
    with pytest.raises(ValidationError, match=said):
        endpoint.call(endpoint.root, "PutContactInformation", ContactInformation=given)
    elsewhere = {**CONTACT_INFORMATION, "CountryCode": "FR"}
    del elsewhere["StateOrRegion"]
    endpoint.call(endpoint.root, "PutContactInformation", ContactInformation=elsewhere)


def test_a_member_s_contacts_are_the_management_account_s_to_set(manager: Endpoint, member: Endpoint) -> None:
    """The change and the call are in the member's ledger; they are authorised by the member's ARN in the organization
    and its path there. What was is told as of then."""
    arn = f"arn:aws:account::{ACCOUNT}:account/o-exampleorgid/{MEMBER}"
    within = {"ForAnyValue:StringLike": {"account:AccountResourceOrgPaths": "o-exampleorgid/r-ab12/ou-ab12-11111111/*"}}
    may = manager.user("may", allow("account:*AlternateContact", arn, Condition=within))
    manager.call(may, "PutAlternateContact", **SECURITY, **ALTERNATE_CONTACT, AccountId=MEMBER)
    *_, change, call = member.entries
    assert change.event == AlternateContactSet(contact_type="SECURITY", contact=ALTERNATE)
    assert call.event == manager.record
    assert change.cause.principal is not None
    assert change.cause.principal.user_name == "may"
    at = len(manager.entries)
    assert (
        member.call(member.root, "GetAlternateContact", **SECURITY)["AlternateContact"]["Title"] == "Head of Security"
    )
    own = manager.user("own", allow("account:*", f"arn:aws:account::{ACCOUNT}:account"))
    with pytest.raises(AccessDenied):
        manager.call(own, "GetAlternateContact", **SECURITY, AccountId=MEMBER)
    for endpoint in (manager, member):
        endpoint.later(hours=1)
    manager.call(may, "DeleteAlternateContact", **SECURITY, AccountId=MEMBER)
    recorded = len(member.entries)
    with pytest.raises(ResourceNotFoundException):
        manager.call(may, "GetAlternateContact", **SECURITY, AccountId=MEMBER)
    manager.moment = f"p{at}"
    manager.call(manager.root, "GetAlternateContact", **SECURITY, AccountId=MEMBER)
    assert len(member.entries) == recorded


@pytest.mark.parametrize(
    ("caller", "account_id", "why"),
    [
        (ACCOUNT, ACCOUNT, "standalone context"),
        (ACCOUNT, STRANGER, "no member account"),
        (ACCOUNT, "0" * 12, "no member account"),
        (ACCOUNT, "456789012345", "no member account"),
        (MEMBER, MEMBER, "for the management account"),
        (MEMBER, ACCOUNT, "for the management account"),
        (STRANGER, STRANGER, "for the management account"),
    ],
)
@pytest.mark.usefixtures("member")
def test_nobody_else_s_contacts(manager: Endpoint, caller: str, account_id: str, why: str) -> None:
    """Whoever names an account has to manage its organization, and to mean another account than his own."""
    stranger = Endpoint(STRANGER, beside=manager)
    joins(stranger, "o-anotherorgid")
    by = manager.ledgers[caller]
    for operation, more in (("GetAlternateContact", {}), ("PutAlternateContact", ALTERNATE_CONTACT)):
        with pytest.raises(AccessDenied, match=rf"not authorized to perform: account:{operation} \(.*{why}"):
            by.call(by.root, operation, **SECURITY, **more, AccountId=account_id)


def test_a_closed_member_is_told_and_not_changed(manager: Endpoint, member: Endpoint) -> None:
    """Its name is the organization's."""
    puts(member)
    member.append(AccountClosed())
    with pytest.raises(AccessDenied, match="is closed"):
        manager.call(manager.root, "DeleteAlternateContact", **SECURITY, AccountId=MEMBER)
    told = manager.call(manager.root, "GetAccountInformation", AccountId=MEMBER)
    assert (told["AccountName"], told["AccountState"]) == (f"account {MEMBER}", "CLOSED")
    assert "AccountName" not in Endpoint().call(Endpoint().root, "GetAccountInformation")


def test_regions_page_by_page() -> None:
    """Those that AWS enables by default, and no others."""
    endpoint, found, token = Endpoint(), list[str](), dict[str, str]()
    while True:
        page = endpoint.call(endpoint.root, "ListRegions", MaxResults=5, **token)
        found += [region["RegionName"] for region in page["Regions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert (len(found), found) == (17, sorted(set(found)))
    asked = endpoint.call(endpoint.root, "ListRegions", RegionOptStatusContains=["DISABLED"])
    assert asked == {"Regions": []}
    with pytest.raises(ValidationError, match="'nextToken'"):
        endpoint.call(endpoint.root, "ListRegions", NextToken="x")
    status = endpoint.call(endpoint.root, "GetRegionOptStatus", RegionName="eu-north-1")
    assert status == {"RegionName": "eu-north-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}
    with pytest.raises(ValidationError, match="'regionName'"):
        endpoint.call(endpoint.root, "GetRegionOptStatus", RegionName="me-south-1")
