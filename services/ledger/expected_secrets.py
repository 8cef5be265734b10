"""Which secrets an account has use for."""

from collections.abc import Mapping

from domain.families.access_keys import ACCESS_KEYS
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.notifications import NOTIFICATION_TARGETS, signing_secrets
from domain.families.passwords import LOGIN_PROFILES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.trails import TRAIL_KEYS
from domain.families.user_credentials import USER_CREDENTIALS
from domain.foundation.secret import SecretId, SecretKind
from domain.installation import Installation
from domain.ledger_state import LedgerState


def expected_secrets(value: LedgerState) -> Mapping[SecretId, str]:
    """What has to lie sealed beside the ledger, and for which principal."""
    if isinstance(value, Installation):
        services = value.service_principals.items()
        keys = {SecretId(SecretKind.ACCESS_KEY, service.access_key_id): name for name, service in services}
        of_installation = signing_secrets(value.notification_targets)
        if value.log is not None:
            of_installation.append(SecretId(SecretKind.SIGNING_KEY, value.log.signing_key_id))
        return keys | dict.fromkeys(of_installation, value.id)
    keys = {SecretId(SecretKind.ACCESS_KEY, key.id): key.user_id for key in value[ACCESS_KEYS].by_id.values()}
    passwords = {
        SecretId(SecretKind.PASSWORD, password_id): profile.user_id
        for profile in value[LOGIN_PROFILES].values()
        for password_id in profile.password_ids
    }
    service_passwords = {
        SecretId(SecretKind.SERVICE_PASSWORD, credential.secret_id): credential.user_id
        for credential in value[USER_CREDENTIALS].by_id.values()
        if credential.secret_id is not None
    }
    of_account = [SecretId(SecretKind.SERVER_KEY, certificate.secret_id) for certificate in value[SERVER_CERTIFICATES]]
    of_account += [key.secret_id for provider in value[SAML_PROVIDERS].values() for key in provider.private_keys]
    of_account += [SecretId(SecretKind.MFA_SEED, device.seed_id) for device in value[MFA_DEVICES].by_arn.values()]
    of_account += signing_secrets(value[NOTIFICATION_TARGETS])
    of_account += [key.secret_id for key in value[TRAIL_KEYS]]
    return keys | passwords | service_passwords | dict.fromkeys(of_account, value.id)
