"""Security Hub's operations on the hub and its standards. One is enabled, as far as its controls are about IAM."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.compliance.frameworks import find_framework
from domain.foundation.errors import ResourceNotFoundException, ValidationError
from services.security_hub.hub import (
    SERVICE,
    STANDARD,
    STANDARD_PATH,
    arn_of_hub,
    on_hub,
    own_arn,
    page,
    shared_arn,
    timestamp,
)
from services.wire.input_shapes import excerpt
from services.wire.operations import answers

PROVIDER = "AWS"


@answers("DescribeHub", service=SERVICE, on=on_hub, records="hub_arn")
def describe_hub(account: Account, call: Call, *, hub_arn: str | None = None) -> Outcome:
    own = arn_of_hub(account, call)
    if hub_arn not in {None, own}:
        raise ResourceNotFoundException(
            f"There is no hub {excerpt(hub_arn or '')}.",
            f"expected {own}",
            resource_id=excerpt(hub_arn or ""),
            resource_type="Hub",
        )
    assert account.created_at is not None
    members = {
        "HubArn": own,
        "SubscribedAt": timestamp(account.created_at),
        "AutoEnableControls": True,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }
    return Outcome(lambda _after: members)


@answers("DescribeStandards", service=SERVICE, on=on_hub, records="next_token max_results providers")
def describe_standards(
    account: Account,
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    providers: list[str] | None = None,
) -> Outcome:
    asked = page("DescribeStandards", providers, max_results=max_results, token=next_token)
    standard = find_framework(STANDARD).definition
    members = {
        "StandardsArn": shared_arn(account, call, f"standards/{STANDARD_PATH}"),
        "Name": f"{standard.title} v{standard.version}",
        "Description": f"{standard.title}, as far as it is about IAM: {standard.source}",
        "EnabledByDefault": True,
        "Provider": PROVIDER,
    }
    shown = [members] if PROVIDER in (providers or [PROVIDER]) else []
    return Outcome(lambda _after: asked.of("Standards", shown, key=lambda each: str(each["Name"]), render=dict))


@answers(
    "GetEnabledStandards",
    service=SERVICE,
    on=on_hub,
    records="standards_subscription_arns next_token max_results providers",
)
def get_enabled_standards(
    account: Account,
    call: Call,
    *,
    standards_subscription_arns: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    providers: list[str] | None = None,
) -> Outcome:
    """Incomplete: most of its controls are about services that are not here."""
    asked_of = [standards_subscription_arns, providers]
    asked = page("GetEnabledStandards", *asked_of, max_results=max_results, token=next_token)
    subscription = own_arn(account, call, f"subscription/{STANDARD_PATH}")
    if other := [each for each in standards_subscription_arns or () if each != subscription]:
        raise ValidationError(f"StandardsSubscriptionArns: there is no {excerpt(other[0])}; expected {subscription}.")
    members = {
        "StandardsSubscriptionArn": subscription,
        "StandardsArn": shared_arn(account, call, f"standards/{STANDARD_PATH}"),
        "StandardsInput": {},
        "StandardsStatus": "INCOMPLETE",
        "Provider": PROVIDER,
    }
    shown = [members] if PROVIDER in (providers or [PROVIDER]) else []
    return Outcome(lambda _after: asked.of("StandardsSubscriptions", shown, key=lambda _: STANDARD, render=dict))
