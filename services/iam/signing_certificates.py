"""IAM's operations on signing certificates."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.user_credentials import SIGNING_CERTIFICATE, USER_CREDENTIALS
from domain.foundation.identifiers import new_signing_certificate_id
from domain.foundation.key_material import CertificateQuery
from domain.rules import user_credentials
from domain.rules.key_material import read_certificate
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.user_credential_members import credential_sort_key, signing_certificate_members
from services.wire.operations import answers
from services.wire.pagination import page_request


@answers("UploadSigningCertificate", on=resources.user, records="user_name")
def upload_signing_certificate(
    account: Account, call: Call, *, certificate_body: str, user_name: str | None = None
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    certificate = read_certificate(call, CertificateQuery(certificate_body))
    certificate_id = new_signing_certificate_id(call.random)
    uploaded = user_credentials.upload_signing_certificate(
        account, user_id=user_id, credential_id=certificate_id, body=certificate_body, certificate=certificate
    )

    def answer(after: Account) -> dict[str, object]:
        members = signing_certificate_members(after, after[USER_CREDENTIALS].by_id[certificate_id], certificate_body)
        return {"Certificate": members}

    return Outcome(answer, [uploaded], new_texts=[certificate_body])


@answers("ListSigningCertificates", on=resources.user, records="user_name marker max_items")
def list_signing_certificates(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    """With the certificates themselves, of which a user has few."""
    user_id, pages = user_id_or_caller(account, call, user_name), page_request("Certificates", marker, max_items)
    certificates = account[USER_CREDENTIALS].of(user_id, SIGNING_CERTIFICATE)
    digests = {each.id: each.body_sha256 or "" for each in certificates}
    bodies = call.long_texts(*digests.values()) if certificates else {}
    return Outcome(
        lambda after: pages.of(
            certificates,
            key=credential_sort_key,
            render=lambda each: signing_certificate_members(after, each, bodies[digests[each.id]]),
        )
    )


@answers(
    "UpdateSigningCertificate",
    on=resources.user,
    records="user_name certificate_id status",
    ends_access=lambda parameters: parameters.get("status") == "Inactive",
)
def update_signing_certificate(
    account: Account, call: Call, *, certificate_id: str, status: str, user_name: str | None = None
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    events = user_credentials.update(
        account, user_id=user_id, kind=SIGNING_CERTIFICATE, credential_id=certificate_id, status=status
    )
    return done(*events)


@answers("DeleteSigningCertificate", on=resources.user, records="user_name certificate_id")
def delete_signing_certificate(
    account: Account, call: Call, *, certificate_id: str, user_name: str | None = None
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    deleted, _ = user_credentials.delete(
        account, user_id=user_id, kind=SIGNING_CERTIFICATE, credential_id=certificate_id
    )
    return done(*deleted)
