"""Which account a call is about: the caller's, or a member of the organization that the caller's account manages.

https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html, AccountId. The operator sets the
organization, with trusted access for Account Management; it knows no delegated administrators.
"""

from collections.abc import Sequence

from domain.account import Account, AccountChange
from domain.call_context import organization_paths
from domain.calls import Call, Outcome, done
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.foundation.errors import AccessDenied
from domain.foundation.identifiers import INSTALLATION
from services.wire.operations import Parameters, TargetResource

SERVICE = "account"


def target_resource(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    """Raises AccessDenied for another account than the caller's, unless that one manages an organization."""
    account_id = parameters.get("account_id")
    if account_id is None:
        return TargetResource.of_arn(account.arn("account", SERVICE))
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is None or not is_managed_by(membership, account.id):
        raise _denied(call, "AccountId is for the management account of an organization.")
    arn = account.arn(f"account/{membership.organization_id}/{account_id}", SERVICE)
    member = _member(account, call, account_id)
    paths = None if member is None else organization_paths(member)
    return TargetResource(arn, arn, {} if paths is None else {"account:accountresourceorgpaths": paths})


def target_account(account: Account, call: Call, account_id: str | None) -> Account:
    """Of a call that `target_resource` has let pass. Raises AccessDenied for what is no member account."""
    if account_id is None:
        return account
    if account_id == account.id:
        # AWS's sentence.
        raise _denied(
            call, "The management account can only be managed using the standalone context from the management account."
        )
    member = _member(account, call, account_id)
    if member is None:
        raise _denied(call, f"{account_id} is no member account of the organization.")
    return member


def changed(account: Account, call: Call, target: Account, events: Sequence[AccountChange]) -> Outcome:
    """The outcome of a change of the target, in whose ledger it and the call are. Raises AccessDenied for one that is
    closed."""
    if target.id == account.id:
        return done(*events)
    if not target.is_open:
        raise _denied(call, f"{target.id} is closed.")
    call.concerned.add(target.id)
    return Outcome(lambda _account: {}, elsewhere={target.id: events})


def _member(account: Account, call: Call, account_id: str) -> Account | None:
    """None for what is no member account of the caller's organization. Raises NeedsAccounts."""
    if account_id in {account.id, INSTALLATION}:
        return None
    ours, member = account[ORGANIZATION_MEMBERSHIP], call.account(account_id)
    theirs = member[ORGANIZATION_MEMBERSHIP]
    same = ours is not None and theirs is not None and theirs.organization_id == ours.organization_id
    return member if same else None


def _denied(call: Call, why: str) -> AccessDenied:
    action = f"{SERVICE}:{call.cause.operation}"
    return AccessDenied(f"User: {call.caller.principal.arn} is not authorized to perform: {action} ({why})")
