"""Roles: whom they trust, and whether anybody uses them."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import CheckFinding, Days, check, violated
from domain.compliance.statements import trusts_any_subject, trusts_everybody, trusts_other_account
from domain.families.credential_use import LAST_USES
from domain.families.roles import ROLES
from domain.rules.protected_roles import is_service_linked


@check(
    version=2,
    of="role",
    reads=(ROLES,),
    title="No role trusts everybody",
    rationale="Everybody means anybody with an AWS account, whoever that is.",
    remediation="aws iam update-assume-role-policy --role-name ROLE --policy-document FILE",
    severity="critical",
    exposure="privilege-days",
)
def role_trusts_everybody(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, trusts_everybody(account[ROLES].by_id[holder_id].trust_policy))


@check(
    version=3,
    of="role",
    reads=(ROLES,),
    title="Roles that another account may assume ask for an external ID, for MFA, or for where the caller belongs",
    rationale="Whoever in that account may assume roles assumes this one; a third party can be talked into it.",
    remediation="aws iam update-assume-role-policy --role-name ROLE --policy-document FILE, with a condition",
    severity="medium",
    exposure="privilege-days",
)
def role_trusts_other_account(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, trusts_other_account(account[ROLES].by_id[holder_id].trust_policy, account.id))


@check(
    version=2,
    of="role",
    reads=(ROLES,),
    title="Roles for OpenID Connect ask who the token is about",
    rationale="A provider vouches for all its customers: without a condition on the subject any of them gets in.",
    remediation="aws iam update-assume-role-policy --role-name ROLE --policy-document FILE, with a condition on sub",
    severity="high",
    exposure="privilege-days",
)
def role_trusts_any_subject(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, trusts_any_subject(account[ROLES].by_id[holder_id].trust_policy))


@check(
    of="role",
    reads=(ROLES, LAST_USES),
    title="Roles that nobody uses are removed",
    rationale="Nobody misses what a forgotten role allows, and nobody watches who assumes it.",
    remediation="aws iam delete-role --role-name ROLE, when nothing of it is needed any more",
    severity="low",
    exposure="privilege-days",
)
def role_unused(account: Account, holder_id: str, *, days: Days = 90) -> Iterator[CheckFinding]:
    """Those of AWS's services are theirs to use or not."""
    role = account[ROLES].by_id[holder_id]
    if not is_service_linked(role):
        used = account[LAST_USES].get(role.id)
        yield CheckFinding(role.id, (role.created_at if used is None else used.at) + timedelta(days=days))
