"""STS's operations that tell who somebody is."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id
from services.wire.operations import answers, any_resource


@answers("GetCallerIdentity", service="sts", on=None)
def get_caller_identity(_account: Account, call: Call) -> Outcome:
    """Needs no permission, and no policy can forbid it."""
    principal = call.caller.principal
    return Outcome(
        lambda _after: {"UserId": principal.principal_id, "Account": principal.account_id, "Arn": principal.arn}
    )


@answers("GetAccessKeyInfo", service="sts", on=any_resource, records="access_key_id")
def get_access_key_info(account: Account, call: Call, *, access_key_id: str) -> Outcome:
    """The account that has claimed the key id, or else the one that it carries: as in AWS, this tells nothing about
    whether the key exists. Other partitions have an STS of their own: one's keys are nothing to another."""
    claimed = call.installation().claimed_access_key_ids.get(access_key_id)
    account_id = claimed or account_of_access_key_id(access_key_id)
    if account_id is None or _is_elsewhere(account, call, account_id):
        raise ValidationError(f"The access key id {access_key_id} carries no account id of {account.partition}.")
    return Outcome(lambda _after: {"Account": account_id})


def _is_elsewhere(account: Account, call: Call, account_id: str) -> bool:
    """Whether it is known to be of another partition."""
    if account_id in {account.id, INSTALLATION}:
        return False
    other = call.account(account_id)
    return other.exists and other.partition != account.partition
