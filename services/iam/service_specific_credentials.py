"""IAM's operations on service-specific credentials, of which a user has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.empty_page import empty_page
from services.wire.operations import answers


@answers(
    "ListServiceSpecificCredentials", on=resources.user, records="user_name service_name all_users marker max_items"
)
def list_service_specific_credentials(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    service_name: str | None = None,  # noqa: ARG001  there is nothing to filter
    all_users: bool = False,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    if not all_users:
        user_id_or_caller(account, call, user_name)
    return empty_page("ServiceSpecificCredentials", marker, max_items)
