"""IAM's operations on MFA devices, of which an account has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.empty_page import empty_page
from services.wire.operations import answers, any_resource


@answers("ListMFADevices", on=resources.user, records="user_name marker max_items")
def list_mfa_devices(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    user_id_or_caller(account, call, user_name)
    return empty_page("MFADevices", marker, max_items)


@answers("ListVirtualMFADevices", on=any_resource, records="assignment_status marker max_items")
def list_virtual_mfa_devices(
    _account: Account,
    _call: Call,
    *,
    assignment_status: str = "Any",  # noqa: ARG001  there is nothing to filter
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    return empty_page("VirtualMFADevices", marker, max_items)
