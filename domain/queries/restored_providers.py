"""How identity providers, and the private keys of SAML providers, are told and put back."""

from collections.abc import Iterator, Sequence

from domain.account import Account, AccountChange
from domain.families.oidc_providers import OIDC_PROVIDERS
from domain.families.saml_providers import SAML_PROVIDERS, saml_private_key
from domain.foundation.errors import Refusal
from domain.foundation.moments import format_rfc3339
from domain.foundation.suggested_commands import suggested_command
from domain.lineage_kinds import SettingDelta
from domain.queries.setting_rows import SettingRow
from domain.rules import oidc_providers, saml_providers


def _oidc_provider(delta: SettingDelta, former: Account) -> Sequence[AccountChange]:
    before = former[OIDC_PROVIDERS].get(delta.owner_id)
    if before is None:
        return oidc_providers.delete_oidc_provider(delta.account, arn=delta.owner_id)
    had = {"client_ids": before.client_ids, "thumbprints": before.thumbprints}
    return tuple(oidc_providers.put_back(delta.account, arn=delta.owner_id, **had))


def _saml_provider(delta: SettingDelta, former: Account) -> Sequence[AccountChange]:
    """Keys that it still has are somebody else's."""
    provider, before = delta.account[SAML_PROVIDERS][delta.owner_id], former[SAML_PROVIDERS].get(delta.owner_id)
    if before is not None:
        return tuple(saml_providers.put_back(delta.account, arn=provider.arn, former=before))
    if provider.private_keys:
        command = suggested_command("aws", "iam", "delete-saml-provider", saml_provider_arn=provider.arn)
        raise Refusal(f"it has private keys of others, which are to be destroyed with it; delete it: {command}")
    return (saml_providers.delete_saml_provider(delta.account, arn=provider.arn),)


def _lost_saml_keys(delta: SettingDelta) -> str | None:
    """Of a provider that was deleted and is there again, with keys that are not its former ones."""
    now, before = (each[SAML_PROVIDERS].get(delta.owner_id) for each in (delta.account, delta.former))
    if now is None or before is None or now.uuid == before.uuid or not before.private_keys:
        return None
    return f"its private keys were destroyed when it was deleted; add them again: {_adding_key(now.arn)}"


def _adding_key(arn: str) -> str:
    return suggested_command(
        "aws", "iam", "update-saml-provider", saml_provider_arn=arn, add_private_key="file://KEY.pem"
    )


def _saml_key(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    if delta.introduced:
        removed = saml_providers.SAMLChanges(removed_key_id=delta.subject_id)
        yield from saml_providers.update_saml_provider(delta.account, arn=delta.owner_id, changes=removed)


def _lost_saml_key(delta: SettingDelta) -> str | None:
    if not delta.dropped:
        return None
    command = _adding_key(delta.owner_id)
    return f"it was destroyed when it was removed; add it again from where it was made, or another: {command}"


def _oidc_provider_text(account: Account, arn: str, _subject: str) -> str | None:
    provider = account[OIDC_PROVIDERS].get(arn)
    return None if provider is None else ", ".join((*provider.client_ids, *provider.thumbprints))


def _saml_provider_text(account: Account, arn: str, _subject: str) -> str | None:
    provider = account[SAML_PROVIDERS].get(arn)
    if provider is None:
        return None
    metadata = provider.metadata
    return f"{metadata.issuer}, {metadata.sha256}, encryption {provider.assertion_encryption or 'not asked for'}"


def _saml_key_text(account: Account, arn: str, key_id: str) -> str | None:
    key = saml_private_key(account, arn, key_id)
    return None if key is None else f"added {format_rfc3339(key.added_at)}"


_OIDC_PROVIDER = SettingRow(
    lambda _account, arn, _subject: f"OIDC provider {arn.partition('/')[2]}", _oidc_provider_text, _oidc_provider
)
_SAML_PROVIDER = SettingRow(
    lambda _account, arn, _subject: f"SAML provider {arn.partition('/')[2]}",
    _saml_provider_text,
    _saml_provider,
    _lost_saml_keys,
)
_SAML_KEY = SettingRow(
    lambda _account, arn, key_id: f"private key {key_id} of SAML provider {arn.partition('/')[2]}",
    _saml_key_text,
    _saml_key,
    _lost_saml_key,
)
KEY_ROWS = {"saml_private_key": _SAML_KEY, "saml_private_key_removed": _SAML_KEY}
PROVIDER_ROWS = {
    **KEY_ROWS,
    **dict.fromkeys(("oidc_provider", "oidc_provider_changed", "oidc_provider_removed"), _OIDC_PROVIDER),
    **dict.fromkeys(("saml_provider", "saml_provider_changed", "saml_provider_removed"), _SAML_PROVIDER),
}
