"""Identity providers."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import CheckFinding, check, violated
from domain.families.oidc_providers import OIDC_PROVIDERS


@check(
    of="OIDC provider",
    reads=(OIDC_PROVIDERS,),
    title="OpenID Connect providers accept tokens for known applications only",
    rationale="Whoever runs another application there brings its tokens here.",
    remediation="aws iam remove-client-id-from-open-id-connect-provider, for the others",
    severity="medium",
)
def oidc_provider_accepts_others(
    account: Account, holder_id: str, *, client_ids: tuple[str, ...] = ()
) -> Iterator[CheckFinding]:
    """Than these."""
    yield violated(holder_id, not set(client_ids).issuperset(account[OIDC_PROVIDERS][holder_id].client_ids))
