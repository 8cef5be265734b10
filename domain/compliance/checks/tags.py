"""Tags that things are to have: a check for each kind of thing."""

from collections.abc import Iterable, Iterator

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.families.analyzers import ANALYZERS
from domain.families.oidc_providers import OIDC_PROVIDERS
from domain.families.roles import ROLES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.tags import TAGS, tags_of
from domain.families.users import USERS

_OF_AWS = "aws:"
_RATIONALE = "Tags say whose a thing is and what it is for, and policies can ask about them."


def _is_untagged(account: Account, holder_id: str, keys: Iterable[str]) -> bool:
    return _lacks({tag.key for tag in tags_of(account, holder_id).values()}, keys)


def _lacks(found: Iterable[str], keys: Iterable[str]) -> bool:
    """One of the keys, which are told by case; any, where none are given."""
    own = {key for key in found if not key.startswith(_OF_AWS)}
    return not own.issuperset(keys) or not own


@check(
    of="user",
    reads=(USERS, TAGS),
    title="Users are tagged",
    rationale=_RATIONALE,
    remediation="aws iam tag-user --user-name USER --tags Key=KEY,Value=VALUE",
    severity="low",
)
def user_untagged(account: Account, holder_id: str, *, keys: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    yield violated(holder_id, _is_untagged(account, holder_id, keys))


@check(
    of="role",
    reads=(ROLES, TAGS),
    title="Roles are tagged",
    rationale=_RATIONALE,
    remediation="aws iam tag-role --role-name ROLE --tags Key=KEY,Value=VALUE",
    severity="low",
)
def role_untagged(account: Account, holder_id: str, *, keys: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    yield violated(holder_id, _is_untagged(account, holder_id, keys))


@check(
    of="OIDC provider",
    reads=(OIDC_PROVIDERS, TAGS),
    title="OpenID Connect providers are tagged",
    rationale=_RATIONALE,
    remediation="aws iam tag-open-id-connect-provider --open-id-connect-provider-arn ARN --tags Key=KEY,Value=VALUE",
    severity="low",
)
def oidc_provider_untagged(account: Account, holder_id: str, *, keys: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    yield violated(holder_id, _is_untagged(account, holder_id, keys))


@check(
    of="SAML provider",
    reads=(SAML_PROVIDERS, TAGS),
    title="SAML providers are tagged",
    rationale=_RATIONALE,
    remediation="aws iam tag-saml-provider --saml-provider-arn ARN --tags Key=KEY,Value=VALUE",
    severity="low",
)
def saml_provider_untagged(account: Account, holder_id: str, *, keys: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    yield violated(holder_id, _is_untagged(account, holder_id, keys))


@check(
    of="server certificate",
    reads=(SERVER_CERTIFICATES, TAGS),
    title="Server certificates are tagged",
    rationale=_RATIONALE,
    remediation="aws iam tag-server-certificate --server-certificate-name NAME --tags Key=KEY,Value=VALUE",
    severity="low",
)
def server_certificate_untagged(
    account: Account, holder_id: str, *, keys: tuple[str, ...] = ()
) -> Iterator[CheckFinding]:
    yield violated(holder_id, _is_untagged(account, holder_id, keys))


@check(
    of=ACCOUNT,
    reads=(ANALYZERS,),
    title="Analyzers of Access Analyzer are tagged",
    rationale=_RATIONALE,
    remediation="aws accessanalyzer tag-resource --resource-arn ARN --tags KEY=VALUE",
    severity="low",
)
def analyzer_untagged(account: Account, _holder_id: str, *, keys: tuple[str, ...] = ()) -> Iterator[CheckFinding]:
    for analyzer in account[ANALYZERS].values():
        yield violated(analyzer.arn, _lacks(analyzer.tags, keys))
