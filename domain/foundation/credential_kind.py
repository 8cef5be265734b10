"""The kinds of credentials by name, for whoever needs no more."""

from typing import Literal, get_args

CredentialKind = Literal[
    "role",
    "user",
    "provider_certificate",
    "server_certificate",
    "service_specific_credential",
    "signing_certificate",
    "ssh_public_key",
    "mfa_device",
    "password",
    "access_key",
]
"""Users and roles count as credentials in one respect: how long nobody has used them."""
KIND_NAMES: tuple[CredentialKind, ...] = get_args(CredentialKind)[::-1]


def kind_title(kind: CredentialKind) -> str:
    """What people call one: SSH public key, access key."""
    return (
        kind.replace("_", " ")
        .replace("ssh", "SSH")
        .replace("mfa", "MFA")
        .replace("service specific", "service-specific")
    )
