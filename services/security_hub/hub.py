"""The hub of an account, which is there without being enabled: its ARNs, its controls, and pages of what it tells."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from domain.account import Account
from domain.calls import Call
from domain.compliance.frameworks import Control, find_framework
from domain.families.resource_compliance import ControlName
from domain.foundation.errors import constraint_violation
from domain.foundation.identifiers import arn
from services.wire.list_pages import ListPage
from services.wire.operations import Parameters, TargetResource

SERVICE = "securityhub"
CONTROLS, STANDARD = "security-hub", "fsbp"
"""Frameworks: all controls of IAM, and the standard that is enabled."""
STANDARD_PATH = "aws-foundational-security-best-practices/v/1.0.0"
ITEMS_MAX = 100
"""On a page, and where no number is asked for."""
_NUMBERED = re.compile(r"[A-Za-z]+\.[0-9]+")


class HubControl(NamedTuple):
    name: ControlName
    control: Control
    is_of_standard: bool


@cache
def hub_controls() -> tuple[HubControl, ...]:
    """Of the standard those besides that are about something here; it names those of other services together."""
    of_iam, of_standard = (find_framework(name).controls for name in (CONTROLS, STANDARD))
    ids, standard_ids = ({control.id for control in controls} for controls in (of_iam, of_standard))
    others = [each for each in of_standard if each.id not in ids and _NUMBERED.fullmatch(each.id)]
    return (
        *(HubControl((CONTROLS, each.id), each, each.id in standard_ids) for each in of_iam),
        *(HubControl((STANDARD, each.id), each, is_of_standard=True) for each in others),
    )


def arn_of_hub(account: Account, call: Call) -> str:
    return own_arn(account, call, "hub/default")


def own_arn(account: Account, call: Call, resource: str) -> str:
    """In the Region that is asked: findings are the same in all of them."""
    return arn(account.partition, SERVICE, account.id, resource, region(call))


def shared_arn(account: Account, call: Call, resource: str) -> str:
    """Of what AWS has in each Region, for all accounts."""
    return arn(account.partition, SERVICE, "", resource, region(call))


def region(call: Call) -> str:
    return call.cause.region or ""


def timestamp(at: datetime) -> str:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html, "Timestamps"."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def on_hub(account: Account, call: Call, _parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(arn_of_hub(account, call))


def page(operation: str, *of: object, max_results: int | None, token: str | None) -> ListPage:
    """Raises ValidationError."""
    try:
        return ListPage.asked(operation, *of, size=max_results or ITEMS_MAX, next_member="NextToken", token=token)
    except ValueError:
        raise constraint_violation("nextToken", "Member must be a token of this list") from None
