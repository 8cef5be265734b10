"""IAM's operations on server certificates, of which an account has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from services.iam.empty_page import empty_page
from services.wire.operations import answers, any_resource


@answers("ListServerCertificates", on=any_resource, records="path_prefix marker max_items")
def list_server_certificates(
    _account: Account,
    _call: Call,
    *,
    path_prefix: str = "/",  # noqa: ARG001  there is nothing to filter
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    return empty_page("ServerCertificateMetadataList", marker, max_items)
