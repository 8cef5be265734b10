"""Users' credentials besides access keys and passwords, under AWS's member names."""

from datetime import datetime

from domain.account import Account
from domain.families.user_credentials import UserCredential, owner_name
from domain.foundation.secret import Secret
from domain.rules.user_credentials import API_KEY_SERVICES


def credential_sort_key(credential: UserCredential) -> str:
    """The order of listings."""
    return f"{credential.created_at.isoformat()} {credential.id}"


def listed_ssh_public_key_members(account: Account, key: UserCredential) -> dict[str, object]:
    """Without the key (API Reference, "SSHPublicKeyMetadata")."""
    return {
        "UserName": owner_name(account, key.user_id),
        "SSHPublicKeyId": key.id,
        "Status": key.status,
        "UploadDate": key.created_at,
    }


def ssh_public_key_members(account: Account, key: UserCredential, body: str) -> dict[str, object]:
    return listed_ssh_public_key_members(account, key) | {"Fingerprint": key.mark, "SSHPublicKeyBody": body}


def signing_certificate_members(account: Account, certificate: UserCredential, body: str) -> dict[str, object]:
    return {
        "UserName": owner_name(account, certificate.user_id),
        "CertificateId": certificate.id,
        "CertificateBody": body,
        "Status": certificate.status,
        "UploadDate": certificate.created_at,
    }


def service_specific_credential_members(
    account: Account, credential: UserCredential, at: datetime
) -> dict[str, object]:
    """At a time, without the password."""
    name = "ServiceCredentialAlias" if credential.service_name in API_KEY_SERVICES else "ServiceUserName"
    members: dict[str, object] = {
        "UserName": owner_name(account, credential.user_id),
        "Status": "Expired" if credential.is_expired(at) else credential.status,
        name: credential.mark,
        "CreateDate": credential.created_at,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service_name,
    }
    return members if credential.expires_at is None else members | {"ExpirationDate": credential.expires_at}


def secret_member(credential: UserCredential, secret: Secret) -> dict[str, object]:
    """Which only the answer that brings it shows."""
    name = "ServiceCredentialSecret" if credential.service_name in API_KEY_SERVICES else "ServicePassword"
    return {name: secret}
