"""SAML providers: what may be created and changed.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.account import Account
from domain.families.saml_providers import (
    SAML_PROVIDERS,
    SAMLEncryptionModeSet,
    SAMLFacts,
    SAMLMetadata,
    SAMLMetadataReplaced,
    SAMLPrivateKeyAdded,
    SAMLPrivateKeyRemoved,
    SAMLProvider,
    SAMLProviderChange,
    SAMLProviderCreated,
    SAMLProviderDeleted,
    saml_provider,
)
from domain.foundation.errors import EntityAlreadyExists, NoSuchEntity
from domain.foundation.long_texts import text_digest
from domain.rules.quotas import PRIVATE_KEYS_OF_A_PROVIDER_MAX, SAML_PROVIDERS_MAX, refuse_beyond

VALID_YEARS = 100
"""How long AWS takes a document for valid that does not say so itself."""


@dataclass(frozen=True, slots=True)
class SAMLChanges:
    """What a provider is to have otherwise; None leaves it as it is."""

    metadata: SAMLMetadata | None = None
    assertion_encryption: str | None = None
    added_key_id: str | None = None
    removed_key_id: str | None = None


def metadata_of(document: str, facts: SAMLFacts, at: datetime) -> SAMLMetadata:
    return SAMLMetadata(text_digest(document), facts.issuer, facts.valid_until or _years_later(at))


def create_saml_provider(
    account: Account, *, name: str, uuid: str, metadata: SAMLMetadata, changes: SAMLChanges
) -> tuple[SAMLProviderChange, ...]:
    """`changes` has the encryption mode and the key that it begins with."""
    arn = account.arn(f"saml-provider/{name}")
    if arn in account[SAML_PROVIDERS]:
        raise EntityAlreadyExists(f"Provider with name {name} already exists.")
    refuse_beyond("SAMLProvidersPerAccount", len(account[SAML_PROVIDERS]), SAML_PROVIDERS_MAX)
    created = SAMLProviderCreated(
        provider_arn=arn,
        provider_name=name,
        provider_uuid=uuid,
        metadata_sha256=metadata.sha256,
        issuer=metadata.issuer,
        valid_until=metadata.valid_until,
        assertion_encryption=changes.assertion_encryption,
    )
    if changes.added_key_id is None:
        return (created,)
    return created, SAMLPrivateKeyAdded(provider_arn=arn, provider_name=name, key_id=changes.added_key_id)


def update_saml_provider(account: Account, *, arn: str, changes: SAMLChanges) -> Iterator[SAMLProviderChange]:
    """A key is removed before one is added: two may take turns. What it has already is no error and no event."""
    provider = saml_provider(account, arn)
    named = {"provider_arn": arn, "provider_name": provider.name}
    metadata, mode = changes.metadata, changes.assertion_encryption
    if metadata is not None and metadata.sha256 != provider.metadata.sha256:
        yield _replaced(provider, metadata)
    if mode is not None and mode != provider.assertion_encryption:
        yield SAMLEncryptionModeSet(**named, assertion_encryption=mode)
    kept = [key for key in provider.private_keys if key.id != changes.removed_key_id]
    if changes.removed_key_id is not None:
        if len(kept) == len(provider.private_keys):
            raise NoSuchEntity(f"The private key with id {changes.removed_key_id} cannot be found.")
        yield SAMLPrivateKeyRemoved(**named, key_id=changes.removed_key_id)
    if changes.added_key_id is not None:
        refuse_beyond("PrivateKeysPerSAMLProvider", len(kept), PRIVATE_KEYS_OF_A_PROVIDER_MAX)
        yield SAMLPrivateKeyAdded(**named, key_id=changes.added_key_id)


def put_back(account: Account, *, arn: str, former: SAMLProvider) -> Iterator[SAMLProviderChange]:
    """What makes it have the metadata and the mode that it had."""
    provider = saml_provider(account, arn)
    if provider.metadata != former.metadata:
        yield _replaced(provider, former.metadata)
    if provider.assertion_encryption != former.assertion_encryption:
        yield SAMLEncryptionModeSet(
            provider_arn=arn, provider_name=provider.name, assertion_encryption=former.assertion_encryption
        )


def delete_saml_provider(account: Account, *, arn: str) -> SAMLProviderDeleted:
    return SAMLProviderDeleted(provider_arn=arn, provider_name=saml_provider(account, arn).name)


def _replaced(provider: SAMLProvider, metadata: SAMLMetadata) -> SAMLMetadataReplaced:
    return SAMLMetadataReplaced(
        provider_arn=provider.arn,
        provider_name=provider.name,
        metadata_sha256=metadata.sha256,
        issuer=metadata.issuer,
        valid_until=metadata.valid_until,
    )


def _years_later(at: datetime) -> datetime:
    if (at.month, at.day) == (2, 29):
        at -= timedelta(days=1)
    return at.replace(year=at.year + VALID_YEARS)
