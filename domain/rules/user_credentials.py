"""SSH public keys, signing certificates and service-specific credentials: what may be done with them."""

from datetime import timedelta
from itertools import count

from domain.account import Account
from domain.calls import Call
from domain.families.notices import RotationCompleted
from domain.families.user_credentials import (
    LIFECYCLE_KINDS,
    SERVICE_SPECIFIC_CREDENTIAL,
    SIGNING_CERTIFICATE,
    SSH_PUBLIC_KEY,
    USER_CREDENTIALS,
    AnyUserCredentialChange,
    ServiceSpecificCredentialCreated,
    ServiceSpecificCredentialReset,
    SigningCertificateUploaded,
    SSHPublicKeyUploaded,
    UserCredential,
    UserCredentialActivated,
    UserCredentialDeactivated,
    UserCredentialDeleted,
    UserCredentialKind,
    owner_name,
)
from domain.families.users import USERS
from domain.foundation.errors import InvalidInput, NoSuchEntity, Refusal, ValidationError
from domain.foundation.key_material import CertificateFacts, SSHPublicKeyFacts
from domain.foundation.long_texts import text_digest
from domain.rules.key_material import DuplicateCertificate, DuplicateSSHPublicKey
from domain.rules.quotas import (
    SERVICE_SPECIFIC_CREDENTIALS_OF_A_USER_MAX,
    SIGNING_CERTIFICATES_OF_A_USER_MAX,
    SSH_PUBLIC_KEYS_OF_A_USER_MAX,
    refuse_beyond,
)
from domain.rules.successors import completed_rotation

_NOT_FOUND = {
    SSH_PUBLIC_KEY: "The Public Key with id {} cannot be found.",
    SIGNING_CERTIFICATE: "The Certificate with id {} cannot be found.",
    SERVICE_SPECIFIC_CREDENTIAL: "The Service Specific Credential with id {} cannot be found.",
}
SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
"""Which take a user name and a password (IAM User Guide, "Service-specific credentials for IAM users")."""
API_KEY_SERVICES = {"bedrock.amazonaws.com": "ABSK", "logs.amazonaws.com": "ACWL"}
"""Which take a long-term API key, and how that begins (IAM User Guide, "API keys for AWS services")."""


class NotSupportedService(Refusal): ...


def owned(account: Account, user_id: str, kind: UserCredentialKind, credential_id: str) -> UserCredential:
    found = account[USER_CREDENTIALS].by_id.get(credential_id)
    if found is None or found.user_id != user_id or found.kind != kind:
        raise NoSuchEntity(_NOT_FOUND[kind].format(credential_id))
    return found


def upload_ssh_public_key(
    account: Account, *, user_id: str, credential_id: str, key: SSHPublicKeyFacts
) -> SSHPublicKeyUploaded:
    had = account[USER_CREDENTIALS].of(user_id, SSH_PUBLIC_KEY)
    if any(other.mark == key.fingerprint for other in had):
        raise DuplicateSSHPublicKey("The SSH public key is already associated with the specified IAM user.")
    refuse_beyond("SSHPublicKeysPerUser", len(had), SSH_PUBLIC_KEYS_OF_A_USER_MAX)
    return SSHPublicKeyUploaded(
        credential_id=credential_id,
        user_id=user_id,
        user_name=owner_name(account, user_id),
        fingerprint=key.fingerprint,
        body_sha256=text_digest(key.openssh),
        pem_sha256=text_digest(key.pem),
    )


def upload_signing_certificate(
    account: Account, *, user_id: str, credential_id: str, body: str, certificate: CertificateFacts
) -> SigningCertificateUploaded:
    if account[USER_CREDENTIALS].has_like(SIGNING_CERTIFICATE, certificate.fingerprint):
        raise DuplicateCertificate("The same certificate is associated with an IAM user in the account.")
    had = account[USER_CREDENTIALS].of(user_id, SIGNING_CERTIFICATE)
    refuse_beyond("CertificatesPerUser", len(had), SIGNING_CERTIFICATES_OF_A_USER_MAX)
    return SigningCertificateUploaded(
        credential_id=credential_id,
        user_id=user_id,
        user_name=owner_name(account, user_id),
        fingerprint=certificate.fingerprint,
        body_sha256=text_digest(body),
        expires_at=certificate.not_after,
    )


def require_service(service_name: str) -> None:
    if service_name not in (*SERVICES, *API_KEY_SERVICES):
        raise NotSupportedService(
            f"The specified service does not support service-specific credentials. ({service_name}: expected "
            f"{', '.join((*SERVICES, *API_KEY_SERVICES))})"
        )


def create_service_specific_credential(
    account: Account,
    call: Call,
    *,
    user_name: str,
    service_name: str,
    credential_id: str,
    secret_id: str,
    age_days: int | None,
) -> ServiceSpecificCredentialCreated:
    user = account[USERS].named(user_name)
    require_service(service_name)
    if age_days is not None and service_name not in API_KEY_SERVICES:
        raise ValidationError(
            f"CredentialAgeDays is only valid for services that support long-term API keys: "
            f"{', '.join(API_KEY_SERVICES)}; got {service_name}."
        )
    credentials = account[USER_CREDENTIALS]
    had = [each for each in credentials.of(user.id, SERVICE_SPECIFIC_CREDENTIAL) if each.service_name == service_name]
    refuse_beyond("ServiceSpecificCredentialsPerUser", len(had), SERVICE_SPECIFIC_CREDENTIALS_OF_A_USER_MAX)
    name = _unused_name(account, user.name, service_name)
    return ServiceSpecificCredentialCreated(
        credential_id=credential_id,
        user_id=user.id,
        user_name=user.name,
        service_name=service_name,
        service_user_name=name,
        secret_id=secret_id,
        expires_at=None if age_days is None else call.at + timedelta(days=age_days),
    )


def _unused_name(account: Account, user_name: str, service_name: str) -> str:
    """Such as jane-at-123456789012, and jane+1-at-123456789012: another user may have been called so."""
    for number in count():
        name = f"{user_name}{f'+{number}' if number else ''}-at-{account.id}"
        if not account[USER_CREDENTIALS].has_like(SERVICE_SPECIFIC_CREDENTIAL, name, service_name):
            return name
    raise AssertionError("There are more numbers than credentials.")


def reset(
    account: Account, *, user_id: str, credential_id: str, secret_id: str
) -> tuple[ServiceSpecificCredentialReset, str]:
    """With the id of the password that is of no use any more."""
    credential = owned(account, user_id, SERVICE_SPECIFIC_CREDENTIAL, credential_id)
    assert credential.secret_id is not None
    named = {"user_id": user_id, "user_name": owner_name(account, user_id)}
    return ServiceSpecificCredentialReset(credential_id=credential.id, secret_id=secret_id, **named), (
        credential.secret_id
    )


def update(
    account: Account, *, user_id: str, kind: UserCredentialKind, credential_id: str, status: str
) -> tuple[AnyUserCredentialChange | RotationCompleted, ...]:
    """Setting the status that it has already is no error and no event."""
    credential = owned(account, user_id, kind, credential_id)
    if status == "Expired":
        # Which of the two the model declares.
        refusal = ValidationError if kind == SERVICE_SPECIFIC_CREDENTIAL else InvalidInput
        raise refusal("Status must be Active or Inactive; Expired is what time makes of it.")
    if credential.status == status:
        return ()
    named = {"user_id": user_id, "user_name": owner_name(account, user_id)}
    if status == "Active":
        return (UserCredentialActivated(credential=kind, credential_id=credential.id, **named),)
    deactivated = UserCredentialDeactivated(credential=kind, credential_id=credential.id, **named)
    return (*completed_rotation(account, LIFECYCLE_KINDS[kind], credential.id), deactivated)


def delete(
    account: Account, *, user_id: str, kind: UserCredentialKind, credential_id: str
) -> tuple[tuple[AnyUserCredentialChange | RotationCompleted, ...], UserCredential]:
    credential = owned(account, user_id, kind, credential_id)
    named = {"user_id": user_id, "user_name": owner_name(account, user_id)}
    deleted = UserCredentialDeleted(credential=kind, credential_id=credential.id, **named)
    return (*completed_rotation(account, LIFECYCLE_KINDS[kind], credential.id), deleted), credential
