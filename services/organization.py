"""The organization set, shown and removed: acts of the operator, in the installation's ledger and in those of the
accounts to which something changes, all in one round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.account import Account
from domain.calls import ApiCalled, NeedsAccounts
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.organization import ORGANIZATION_MEMBERSHIP, Organization, OrganizationLeft
from domain.foundation.events import Cause, Change
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation
from domain.rules import organization as rules
from services.accounts import installation_in, look_up, operator_cause
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, CommittedCall, LedgerAppend, LedgerStates

MembershipChange = Literal["joined", "changed", "left", "unchanged"]


@dataclass(frozen=True, slots=True)
class OrganizationEffect:
    """What an act means for an account."""

    account_id: str
    change: MembershipChange
    position: int | None
    """Of the event in the account's ledger, from which on it holds; None where nothing has changed."""


def set_organization(committer: Committer, organization: Organization) -> Sequence[OrganizationEffect]:
    """In the order of account ids. It is in force for every account when this returns, or for none.

    Raises the refusals of `refuse_unfit` and `refuse_unknown_accounts`.
    """
    rules.refuse_unfit(organization)  # Documents are parsed before the round, for they do not change in it.
    return _set(committer, lambda _installation: organization)


def set_node_profile(
    committer: Committer, node_id: str, profile: LifecycleProfile | None
) -> Sequence[OrganizationEffect]:
    """The lifecycle profile of a root, unit or account in the organization in force, or none. Raises NoSuchEntity, and
    ValidationError for one that is not fit."""

    def changed(installation: Installation) -> Organization:
        organization = rules.with_profile(installation, node_id, profile)
        rules.refuse_unfit_profiles(organization.nodes)
        return organization

    return _set(committer, changed)


def _set(committer: Committer, wanted: Callable[[Installation], Organization]) -> Sequence[OrganizationEffect]:
    cause = operator_cause("SetOrganization")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        organization = wanted(installation)
        rules.refuse_unknown_accounts(installation, organization)
        accounts = _affected_accounts(values, installation, organization)
        claims, own = rules.set_organization(installation, accounts, organization)
        return _decision(cause, organization.id, accounts, claims, own)

    return _effects(committer.decide(frozenset({INSTALLATION}), decide))


def remove_organization(committer: Committer) -> Sequence[OrganizationEffect]:
    """Raises NoSuchEntity when there is none."""
    cause = operator_cause("RemoveOrganization")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        accounts = _affected_accounts(values, installation, None)
        removed, own = rules.remove_organization(installation, accounts)
        return _decision(cause, removed.organization_id, accounts, [removed], own)

    return _effects(committer.decide(frozenset({INSTALLATION}), decide))


def get_organization(committer: Committer) -> Organization | None:
    """None where there is none. That somebody looked is recorded."""
    return look_up(committer, "DescribeOrganization", lambda installation: installation.organization)


def _affected_accounts(
    values: LedgerStates, installation: Installation, organization: Organization | None
) -> Mapping[str, Account]:
    """Raises NeedsAccounts when the round does not hold them all yet."""
    needed = rules.affected_accounts(installation, organization)
    if not needed <= values.keys():
        raise NeedsAccounts(needed)
    return {account_id: account for account_id in needed if isinstance(account := values[account_id], Account)}


def _decision(
    cause: Cause,
    organization_id: str,
    accounts: Mapping[str, Account],
    claims: Sequence[Change],
    own: Mapping[str, Sequence[Change]],
) -> CallResult:
    """The result is the difference of each account. One that does not change has nothing in its ledger."""
    called = ApiCalled(read_only=False, parameters={"organization_id": organization_id})
    differences = {each: _difference(account, own.get(each, ())) for each, account in sorted(accounts.items())}
    appends = [LedgerAppend(account_id, cause, [*events, called]) for account_id, events in own.items()]
    return CallResult(differences, [LedgerAppend(INSTALLATION, cause, [*claims, called]), *appends])


def _difference(account: Account, events: Sequence[Change]) -> MembershipChange:
    if not events:
        return "unchanged"
    if isinstance(events[0], OrganizationLeft):
        return "left"
    return "joined" if account[ORGANIZATION_MEMBERSHIP] is None else "changed"


def _effects(committed: CommittedCall) -> Sequence[OrganizationEffect]:
    differences: Mapping[str, MembershipChange] = committed.result
    return [
        OrganizationEffect(
            account_id, difference, committed.values[account_id].position if difference != "unchanged" else None
        )
        for account_id, difference in differences.items()
    ]
