"""Which secrets an account has use for."""

from collections.abc import Mapping

from domain.families.access_keys import ACCESS_KEYS
from domain.families.passwords import LOGIN_PROFILES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.foundation.secret import SecretId, SecretKind
from domain.installation import Installation
from domain.ledger_state import LedgerState


def expected_secrets(value: LedgerState) -> Mapping[SecretId, str]:
    """What has to lie sealed beside the ledger, and for which principal."""
    if isinstance(value, Installation):
        return {}
    keys = {SecretId(SecretKind.ACCESS_KEY, key.id): key.user_id for key in value[ACCESS_KEYS].by_id.values()}
    passwords = {
        SecretId(SecretKind.PASSWORD, password_id): profile.user_id
        for profile in value[LOGIN_PROFILES].values()
        for password_id in profile.password_ids
    }
    private_keys = [key.secret_id for provider in value[SAML_PROVIDERS].values() for key in provider.private_keys]
    return keys | passwords | dict.fromkeys(private_keys, value.id)
