"""The organization that the account is in, and what limits the account from there."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.families.organization import FULL_AWS_ACCESS, ORGANIZATION_MEMBERSHIP, RCP_FULL_AWS_ACCESS, is_managed_by
from domain.families.organizations_features import ORGANIZATIONS_FEATURES, enabled_features

_LIMIT_NOTHING = {FULL_AWS_ACCESS.policy.id, RCP_FULL_AWS_ACCESS.policy.id}


@check(
    of=ACCOUNT,
    reads=(ORGANIZATION_MEMBERSHIP,),
    title="The account is in an organization",
    rationale="An account by itself has nobody above it who could limit it, or see what it does.",
    remediation="muniment organization set FILE, with the account in it",
    severity="medium",
)
def no_organization(account: Account, holder_id: str, *, management_account_id: str = "") -> Iterator[CheckFinding]:
    """In the one that this account manages, where one is given."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    is_other = bool(management_account_id) and not is_managed_by(membership, management_account_id)
    yield violated(holder_id, membership is None or is_other)


@check(
    of=ACCOUNT,
    reads=(ORGANIZATION_MEMBERSHIP,),
    title="A member of an organization is limited by its policies",
    rationale="What no principal of the account may do whatever its own policies say, has to be said from above.",
    remediation="muniment organization set FILE, with policies attached above the account",
    severity="medium",
)
def no_guardrails(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    """None of those that AWS attaches limits anything, and none limits the management account."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is not None and not is_managed_by(membership, account.id):
        attached = {each.id for level in membership.levels for each in (*level.scps, *level.rcps)}
        yield violated(holder_id, attached <= _LIMIT_NOTHING)


@check(
    of=ACCOUNT,
    reads=(ORGANIZATION_MEMBERSHIP, ORGANIZATIONS_FEATURES),
    title="The organization manages the root credentials of its members",
    rationale="Each member's root user is one more that can be taken over; those that have no credentials cannot.",
    remediation="aws iam enable-organizations-root-credentials-management",
    severity="medium",
)
def root_credentials_not_managed(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    """Asked of the account that manages the organization."""
    if is_managed_by(account[ORGANIZATION_MEMBERSHIP], account.id):
        yield violated(holder_id, "RootCredentialsManagement" not in enabled_features(account))
