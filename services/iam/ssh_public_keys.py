"""IAM's operations on SSH public keys, of which a user has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.empty_page import empty_page
from services.wire.operations import answers


@answers("ListSSHPublicKeys", on=resources.user, records="user_name marker max_items")
def list_ssh_public_keys(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    user_id_or_caller(account, call, user_name)
    return empty_page("SSHPublicKeys", marker, max_items)
