"""Account Management's operations on the account itself and its regions."""

from collections.abc import Collection

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.foundation.errors import constraint_violation
from domain.foundation.regions import DEFAULT_REGIONS
from services.account_management.targets import SERVICE, target_account, target_resource
from services.wire.operations import Parameters, answers
from services.wire.pagination import decode_token, encode_token

REGIONS_A_PAGE_MAX = 50
"""As the API Reference has it, "ListRegions"."""
ENABLED = "ENABLED_BY_DEFAULT"


@answers("GetAccountInformation", service=SERVICE, on=target_resource, records="account_id")
def get_account_information(account: Account, call: Call, *, account_id: str | None = None) -> Outcome:
    """Names of accounts are the organization's."""
    target = target_account(account, call, account_id)
    membership = target[ORGANIZATION_MEMBERSHIP]
    members: dict[str, object] = {
        "AccountId": target.id,
        "AccountCreatedDate": target.created_at,
        "AccountState": "ACTIVE" if target.is_open else "CLOSED",
    }
    if membership is not None:
        members["AccountName"] = membership.levels[-1].name
    return Outcome(lambda _after: members)


def _target_region(_account: Account, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    return {"account:targetregion": (parameters["region_name"],)}


@answers(
    "GetRegionOptStatus", service=SERVICE, on=target_resource, context=_target_region, records="account_id region_name"
)
def get_region_opt_status(account: Account, call: Call, *, region_name: str, account_id: str | None = None) -> Outcome:
    """Raises ValidationError for a Region that this server does not list (docs/adr/0061)."""
    known = DEFAULT_REGIONS[target_account(account, call, account_id).partition]
    if region_name not in known:
        raise constraint_violation("regionName", f"Member must satisfy enum value set: [{', '.join(known)}]")
    return Outcome(lambda _after: {"RegionName": region_name, "RegionOptStatus": ENABLED})


@answers(
    "ListRegions",
    service=SERVICE,
    on=target_resource,
    records="account_id max_results next_token region_opt_status_contains",
)
def list_regions(
    account: Account,
    call: Call,
    *,
    account_id: str | None = None,
    max_results: int = REGIONS_A_PAGE_MAX,
    next_token: str | None = None,
    region_opt_status_contains: Collection[str] = (ENABLED,),
) -> Outcome:
    """Every Region that there is is enabled by default."""
    after = "" if next_token is None else _last_of_page(next_token)
    known = DEFAULT_REGIONS[target_account(account, call, account_id).partition]
    left = [name for name in known if name > after] if ENABLED in region_opt_status_contains else []
    page = left[:max_results]
    members: dict[str, object] = {"Regions": [{"RegionName": name, "RegionOptStatus": ENABLED} for name in page]}
    if len(left) > len(page):
        members["NextToken"] = encode_token("Regions", page[-1])
    return Outcome(lambda _after: members)


def _last_of_page(token: str) -> str:
    """Raises ValidationError."""
    try:
        return decode_token(token, "Regions")
    except ValueError:
        raise constraint_violation("nextToken", "Member must be a token of this list") from None
