"""Server certificates."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import CheckFinding, Days, check
from domain.families.server_certificates import SERVER_CERTIFICATES


@check(
    of="server certificate",
    reads=(SERVER_CERTIFICATES,),
    title="Server certificates that have expired are removed",
    rationale="One that is put up by mistake turns visitors away, or teaches them to ignore the warning.",
    remediation="aws iam delete-server-certificate --server-certificate-name NAME",
    severity="medium",
)
def server_certificate_expired(account: Account, holder_id: str, *, days: Days = 0) -> Iterator[CheckFinding]:
    """`days` before it does, already."""
    certificate = account[SERVER_CERTIFICATES].by_id[holder_id]
    yield CheckFinding(certificate.id, certificate.expires_at - timedelta(days=days))
