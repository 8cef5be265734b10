"""SAML providers: identity providers elsewhere whose assertions roles may trust
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_saml.html)."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from immutables import Map

from domain.account import Account, AffectsNobody, Component
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.entity_kinds import EntityKind
from domain.facts import Attributes, Fact, FactKind, FactValue
from domain.families.roles import roles_trusting
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import refuse_other_arn
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta

UUID, PRIVATE_KEY = "SAMLP", "SAMLK"
"""Prefixes of ids, of 22 letters in all."""


@dataclass(frozen=True, slots=True)
class SAMLMetadata:
    """What is kept of a document in the account's value. The document itself lies beside the ledger (ADR 0051)."""

    sha256: str
    issuer: str
    """The identity provider's own name, its entityID."""
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class SAMLPrivateKey:
    id: str
    added_at: datetime

    @property
    def secret_id(self) -> SecretId:
        return SecretId(SecretKind.SAML_PRIVATE_KEY, self.id)


@dataclass(frozen=True, slots=True)
class SAMLProvider:
    arn: str
    name: str
    uuid: str
    created_at: datetime
    metadata: SAMLMetadata
    assertion_encryption: str | None
    """Required or Allowed."""
    private_keys: tuple[SAMLPrivateKey, ...] = ()
    """Oldest first, with which assertions are decrypted. The keys themselves are sealed."""

    @property
    def id(self) -> str:
        return self.arn

    @property
    def path(self) -> str:
        return "/"

    @property
    def resource(self) -> str:
        return f"saml-provider/{self.name}"


SAML_PROVIDERS = Component[Map[str, SAMLProvider]]("saml_providers", Map(), ids=lambda providers: providers)
"""By ARN."""
SAML_PROVIDER_FACT = FactKind("SAML provider")
SAML_PRIVATE_KEY_FACT = FactKind("SAML private key", "was added", "was removed")


@dataclass(frozen=True, slots=True)
class SAMLQuery:
    """What a request brings to be read beside the round: a metadata document, a private key in PEM, or both."""

    document: str | None
    private_key: Secret | None


@dataclass(frozen=True, slots=True)
class SAMLFacts:
    """Both were fit. Nothing is known where there was no document."""

    issuer: str = ""
    valid_until: datetime | None = None
    """As the document has it."""


def saml_provider(account: Account, arn: str) -> SAMLProvider:
    provider = account[SAML_PROVIDERS].get(arn)
    if provider is None:
        refuse_other_arn(arn, "saml-provider")
        raise NoSuchEntity(f"Manifest not found for arn {arn}")
    return provider


def _facts(_account: Account, provider: SAMLProvider) -> Iterator[tuple[Fact, FactValue]]:
    said: Attributes = {
        "uuid": provider.uuid,
        "issuer": provider.metadata.issuer,
        "metadata_sha256": provider.metadata.sha256,
        "valid_until": provider.metadata.valid_until,
        "assertion_encryption": provider.assertion_encryption,
    }
    yield Fact(SAML_PROVIDER_FACT, provider.arn), FactValue(provider.name, said)
    for key in provider.private_keys:
        yield Fact(SAML_PRIVATE_KEY_FACT, key.id), FactValue(f"{key.id} of {provider.name}", {"added_at": key.added_at})


SAML_PROVIDER = EntityKind(
    "SAML provider",
    UUID,
    by_id=lambda account: account[SAML_PROVIDERS],
    named=saml_provider,
    facts=_facts,
    find=lambda account, arn: account[SAML_PROVIDERS].get(arn),
    resource_type="saml-provider",
    subject=attrgetter("arn"),
    reference=attrgetter("arn"),
)


def _held(account: Account, arn: str) -> HeldCredential | None:
    """The certificates of its metadata."""
    provider = account[SAML_PROVIDERS].get(arn)
    if provider is None:
        return None
    expires_at = provider.metadata.valid_until
    return HeldCredential("provider_certificate", arn, arn, provider.created_at, expires_at=expires_at)


LifecycleKind("provider_certificate", lambda account, owner_id: filter(None, [_held(account, owner_id)]), _held)


def _removals(now: Account, arn: str) -> Iterator[tuple[str, Command]]:
    if arn in now[SAML_PROVIDERS]:
        yield arn, Command("delete-saml-provider", {"saml_provider_arn": arn})


_THERE, _METADATA, _ENCRYPTION = "provider", "metadata", "encryption"


def _parts(account: Account, arn: str, _subject: str) -> Parts:
    provider = account[SAML_PROVIDERS].get(arn)
    if provider is None:
        return {}
    mode = {} if provider.assertion_encryption is None else {_ENCRYPTION: provider.assertion_encryption}
    return {_THERE: "", _METADATA: provider.metadata.sha256, **mode}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    providers, former = delta.account[SAML_PROVIDERS], delta.former[SAML_PROVIDERS].get(delta.owner_id)
    if _THERE not in parts or former is None:
        return delta.account.put(SAML_PROVIDERS, providers.delete(delta.owner_id))
    provider = providers[delta.owner_id]
    metadata = former.metadata if former.metadata.sha256 == parts.get(_METADATA) else provider.metadata
    mode = former.assertion_encryption if _ENCRYPTION in delta.dropped else provider.assertion_encryption
    provider = replace(provider, metadata=metadata, assertion_encryption=mode if _ENCRYPTION in parts else None)
    return delta.account.put(SAML_PROVIDERS, providers.set(provider.arn, provider))


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Nobody comes in by a provider that no role trusts."""
    provider = delta.account[SAML_PROVIDERS].get(delta.owner_id)
    if provider is None:
        return
    issuer = provider.metadata.issuer
    for role in roles_trusting(delta.account, delta.owner_id, "sts:assumerolewithsaml"):
        if _THERE in delta.introduced or _METADATA in delta.introduced:
            yield f"lets whom {issuer} vouches for, by keys that were not trusted before, assume role {role.name}"
        elif _ENCRYPTION in delta.dropped:
            yield f"lets holders of assertions that are not encrypted assume role {role.name}"


SAML_SETTING = Setting(_parts, _without, _openings, is_keyed=True)
LineageKind("saml_provider", "SAML provider {name}", removals=_removals, setting=SAML_SETTING)
LineageKind("saml_provider_changed", "SAML provider {name} changed", setting=SAML_SETTING)
LineageKind("saml_provider_removed", "SAML provider {name} deleted", setting=SAML_SETTING)


def saml_private_key(account: Account, arn: str, key_id: str) -> SAMLPrivateKey | None:
    provider = account[SAML_PROVIDERS].get(arn)
    return None if provider is None else next((key for key in provider.private_keys if key.id == key_id), None)


def _key_removals(now: Account, arn: str) -> Iterator[tuple[str, Command]]:
    provider = now[SAML_PROVIDERS].get(arn)
    for key in () if provider is None else provider.private_keys:
        yield key.id, Command("update-saml-provider", {"saml_provider_arn": arn, "remove_private_key": key.id})


def _key_parts(account: Account, arn: str, key_id: str) -> Parts:
    return {} if saml_private_key(account, arn, key_id) is None else {key_id: ""}


def _without_key(provider: SAMLProvider, key_id: str) -> SAMLProvider:
    return replace(provider, private_keys=tuple(key for key in provider.private_keys if key.id != key_id))


def _put_key(delta: SettingDelta, parts: Parts) -> Account:
    """One that was removed is destroyed and does not come back: no call is allowed by it."""
    providers = delta.account[SAML_PROVIDERS]
    if parts or delta.owner_id not in providers:
        return delta.account
    provider = _without_key(providers[delta.owner_id], delta.subject_id)
    return delta.account.put(SAML_PROVIDERS, providers.set(provider.arn, provider))


def _key_openings(delta: SettingDelta) -> Iterator[str]:
    """Whatever role trusts the provider now: an assertion is good for whoever has it."""
    if delta.introduced:
        yield "lets whoever holds it read assertions that are encrypted for it"


SAML_KEY_SETTING = Setting(_key_parts, _put_key, _key_openings)
LineageKind(
    "saml_private_key",
    "private key {subject} of SAML provider {name}",
    removals=_key_removals,
    setting=SAML_KEY_SETTING,
)
LineageKind(
    "saml_private_key_removed", "private key {subject} taken from SAML provider {name}", setting=SAML_KEY_SETTING
)


class SAMLProviderChange(AffectsNobody):
    """Of a provider: that it may be trusted, the roles' policies say."""

    provider_arn: str
    provider_name: str
    subject = "provider_arn"


class SAMLProviderCreated(SAMLProviderChange, topic="iam.saml_provider.created.v1"):
    provider_uuid: str
    metadata_sha256: str
    issuer: str
    valid_until: datetime
    assertion_encryption: str | None = None
    long_texts = ("metadata_sha256",)
    sentence = "SAML provider {provider_name} was created, of {issuer}."

    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[SAML_PROVIDERS]
        if self.provider_arn in providers:
            raise LookupError(f"There is a SAML provider {self.provider_arn} already.")
        metadata = SAMLMetadata(self.metadata_sha256, self.issuer, self.valid_until)
        provider = SAMLProvider(
            self.provider_arn, self.provider_name, self.provider_uuid, at, metadata, self.assertion_encryption
        )
        return account.put(SAML_PROVIDERS, providers.set(self.provider_arn, provider))


class SAMLProviderUpdate(SAMLProviderChange):
    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[SAML_PROVIDERS]
        updated = self.change(providers[self.provider_arn], at)
        return account.put(SAML_PROVIDERS, providers.set(self.provider_arn, updated))

    @abstractmethod
    def change(self, provider: SAMLProvider, at: datetime) -> SAMLProvider:
        """The provider afterwards. As `fold`."""


class SAMLMetadataReplaced(SAMLProviderUpdate, topic="iam.saml_provider.metadata_replaced.v1"):
    metadata_sha256: str
    issuer: str
    valid_until: datetime
    long_texts = ("metadata_sha256",)
    sentence = "SAML provider {provider_name} got another metadata document, of {issuer}."

    def change(self, provider: SAMLProvider, at: datetime) -> SAMLProvider:
        return replace(provider, metadata=SAMLMetadata(self.metadata_sha256, self.issuer, self.valid_until))


class SAMLEncryptionModeSet(SAMLProviderUpdate, topic="iam.saml_provider.encryption_mode_set.v1"):
    assertion_encryption: str | None = None

    def change(self, provider: SAMLProvider, at: datetime) -> SAMLProvider:
        return replace(provider, assertion_encryption=self.assertion_encryption)

    def describe(self) -> str:
        mode = "not asked for" if self.assertion_encryption is None else self.assertion_encryption.lower()
        return f"Encryption of assertions of SAML provider {self.provider_name} is now {mode}."


class SAMLPrivateKeyAdded(SAMLProviderUpdate, topic="iam.saml_provider.private_key_added.v1"):
    key_id: str
    sentence = "SAML provider {provider_name} got the private key {key_id}."

    def change(self, provider: SAMLProvider, at: datetime) -> SAMLProvider:
        return replace(provider, private_keys=(*provider.private_keys, SAMLPrivateKey(self.key_id, at)))


class SAMLPrivateKeyRemoved(SAMLProviderUpdate, topic="iam.saml_provider.private_key_removed.v1"):
    key_id: str
    sentence = "SAML provider {provider_name} lost the private key {key_id}."

    def change(self, provider: SAMLProvider, at: datetime) -> SAMLProvider:
        return _without_key(provider, self.key_id)

    def destroyed_secrets(self) -> Iterable[SecretId]:
        return (SecretId(SecretKind.SAML_PRIVATE_KEY, self.key_id),)


class SAMLProviderDeleted(SAMLProviderChange, topic="iam.saml_provider.deleted.v1"):
    """Roles that trust it go on naming it, as in AWS."""

    sentence = "SAML provider {provider_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[SAML_PROVIDERS].delete(self.provider_arn)
        return account.put(SAML_PROVIDERS, providers).forget(self.provider_arn)
