"""IAM's operations on server certificates."""

from dataclasses import replace

from domain.account import Account
from domain.authorization import authorize
from domain.call_context import resource_tags
from domain.calls import Call, NewSecret, Outcome, done
from domain.families.server_certificates import (
    SERVER_CERTIFICATE,
    SERVER_CERTIFICATES,
    ServerCertificate,
    named_certificate,
)
from domain.foundation.identifiers import SERVER_KEY_ID
from domain.foundation.key_material import CertificateQuery
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules import server_certificates, tagging
from domain.rules.key_material import read_certificate
from services.iam import condition_keys, resources
from services.iam.entity_members import tags_member
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, any_resource
from services.wire.pagination import page_request


@answers(
    "UploadServerCertificate",
    on=resources.server_certificate,
    records="path server_certificate_name tags",
    context=condition_keys.request_tags,
)
def upload_server_certificate(
    account: Account,
    call: Call,
    *,
    server_certificate_name: str,
    certificate_body: str,
    private_key: str,
    path: str = "/",
    certificate_chain: str | None = None,
    tags: TagList | None = None,
) -> Outcome:
    """No answer ever shows the private key. White space around certificates is not kept: Terraform compares them."""
    certificate_body = certificate_body.strip()
    certificate_chain = None if certificate_chain is None else certificate_chain.strip()
    arn = account.arn(f"server-certificate{path}{server_certificate_name}")
    given = authorized_tags(account, call, "iam:TagServerCertificate", arn, tags)
    server_certificates.refuse_another(account, server_certificate_name)
    key = Secret(private_key)
    certificate = read_certificate(call, CertificateQuery(certificate_body, key, certificate_chain))
    certificate_id, secret_id = call.unique_id(SERVER_CERTIFICATE.id_prefix), call.unique_id(SERVER_KEY_ID)
    uploaded = server_certificates.upload(
        certificate_id=certificate_id,
        name=server_certificate_name,
        path=path,
        certificate=certificate,
        body=certificate_body,
        chain=certificate_chain,
        secret_id=secret_id,
    )

    def answer(after: Account) -> dict[str, object]:
        metadata = _metadata(after, after[SERVER_CERTIFICATES].by_id[certificate_id])
        return {"ServerCertificateMetadata": metadata} | tags_member(after, certificate_id)

    return Outcome(
        answer,
        [uploaded, *tagging.tags_on_create(SERVER_CERTIFICATE, certificate_id, server_certificate_name, given)],
        new_secrets=[NewSecret(_key_id(secret_id), account.id, key)],
        new_texts=[certificate_body] if certificate_chain is None else [certificate_body, certificate_chain],
    )


@answers("GetServerCertificate", on=resources.server_certificate, records="server_certificate_name")
def get_server_certificate(account: Account, call: Call, *, server_certificate_name: str) -> Outcome:
    certificate = named_certificate(account, server_certificate_name)
    body, chain = certificate.body_sha256, certificate.chain_sha256
    texts = call.long_texts(body) if chain is None else call.long_texts(body, chain)

    def answer(after: Account) -> dict[str, object]:
        members = {"ServerCertificateMetadata": _metadata(after, certificate), "CertificateBody": texts[body]}
        chained = {} if chain is None else {"CertificateChain": texts[chain]}
        return {"ServerCertificate": members | chained | tags_member(after, certificate.id)}

    return Outcome(answer)


@answers("ListServerCertificates", on=any_resource, records="path_prefix marker max_items")
def list_server_certificates(
    _account: Account, _call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Outcome:
    pages = page_request("ServerCertificateMetadataList", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            (each for each in after[SERVER_CERTIFICATES] if each.path.startswith(path_prefix)),
            key=lambda each: each.name,
            render=lambda each: _metadata(after, each),
        )
    )


@answers(
    "UpdateServerCertificate",
    on=resources.server_certificate,
    records="server_certificate_name new_path new_server_certificate_name",
)
def update_server_certificate(
    account: Account,
    call: Call,
    *,
    server_certificate_name: str,
    new_path: str | None = None,
    new_server_certificate_name: str | None = None,
) -> Outcome:
    """IAM asks for permission on the certificate as it is and as it will be (API Reference,
    "UpdateServerCertificate")."""
    former = named_certificate(account, server_certificate_name)
    after = replace(former, name=new_server_certificate_name or former.name, path=new_path or former.path)
    if after != former:
        tags = resource_tags(account, account.arn(former.resource))
        named = account.arn(f"server-certificate{new_path or '/'}{after.name}")
        authorize(account, call, "iam:UpdateServerCertificate", account.arn(after.resource), tags, named=named)
    return done(
        server_certificates.update(
            account, name=server_certificate_name, new_path=new_path, new_name=new_server_certificate_name
        )
    )


@answers("DeleteServerCertificate", on=resources.server_certificate, records="server_certificate_name")
def delete_server_certificate(account: Account, _call: Call, *, server_certificate_name: str) -> Outcome:
    """The sealed private key is destroyed in the same transaction."""
    deleted, secret_id = server_certificates.delete(account, name=server_certificate_name)
    return Outcome(lambda _after: {}, [deleted], destroyed_secrets=[_key_id(secret_id)])


def _metadata(account: Account, certificate: ServerCertificate) -> dict[str, object]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": account.arn(certificate.resource),
        "UploadDate": certificate.created_at,
        "Expiration": certificate.expires_at,
    }


def _key_id(name: str) -> SecretId:
    return SecretId(SecretKind.SERVER_KEY, name)
