"""OpenID Connect providers: identity providers elsewhere whose tokens roles may trust
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html)."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from immutables import Map

from domain.account import Account, AffectsNobody, Component
from domain.entity_kinds import EntityKind
from domain.facts import Fact, FactKind, FactValue
from domain.families.roles import roles_trusting
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import refuse_other_arn
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta


@dataclass(frozen=True, slots=True)
class OIDCProvider:
    arn: str
    name: str
    """Its URL without the scheme, as its ARN ends: token.example.com/path."""
    created_at: datetime
    client_ids: tuple[str, ...]
    """Audiences, in the order in which they were added."""
    thumbprints: tuple[str, ...]
    """SHA-1 of certificates, 40 hexadecimal digits each."""

    @property
    def id(self) -> str:
        """AWS gives it no other."""
        return self.arn

    @property
    def path(self) -> str:
        return "/"

    @property
    def resource(self) -> str:
        return f"oidc-provider/{self.name}"


OIDC_PROVIDERS = Component[Map[str, OIDCProvider]]("oidc_providers", Map(), ids=lambda providers: providers)
"""By ARN."""
OIDC_PROVIDER_FACT = FactKind("OIDC provider")


def oidc_provider(account: Account, arn: str) -> OIDCProvider:
    provider = account[OIDC_PROVIDERS].get(arn)
    if provider is None:
        refuse_other_arn(arn, "oidc-provider")
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def _facts(_account: Account, provider: OIDCProvider) -> Iterator[tuple[Fact, FactValue]]:
    said = {"client_ids": provider.client_ids, "thumbprints": provider.thumbprints}
    yield Fact(OIDC_PROVIDER_FACT, provider.arn), FactValue(provider.name, said)


OIDC_PROVIDER = EntityKind(
    "OIDC provider",
    "",
    by_id=lambda account: account[OIDC_PROVIDERS],
    named=oidc_provider,
    facts=_facts,
    find=lambda account, arn: account[OIDC_PROVIDERS].get(arn),
    resource_type="oidc-provider",
    subject=attrgetter("arn"),
    reference=attrgetter("arn"),
)


def _removals(now: Account, arn: str) -> Iterator[tuple[str, Command]]:
    if arn in now[OIDC_PROVIDERS]:
        yield arn, Command("delete-open-id-connect-provider", {"open_id_connect_provider_arn": arn})


_THERE, _CLIENT_ID, _THUMBPRINT = "provider", "client id ", "thumbprint "


def _parts(account: Account, arn: str, _subject: str) -> Parts:
    provider = account[OIDC_PROVIDERS].get(arn)
    if provider is None:
        return {}
    client_ids = dict.fromkeys((_CLIENT_ID + each for each in provider.client_ids), "")
    return {_THERE: "", **client_ids, **dict.fromkeys((_THUMBPRINT + each for each in provider.thumbprints), "")}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    providers = delta.account[OIDC_PROVIDERS]
    if _THERE not in parts:
        return delta.account.put(OIDC_PROVIDERS, providers.delete(delta.owner_id))
    client_ids, thumbprints = (
        tuple(part.removeprefix(kind) for part in parts if part.startswith(kind)) for kind in (_CLIENT_ID, _THUMBPRINT)
    )
    former = replace(providers[delta.owner_id], client_ids=client_ids, thumbprints=thumbprints)
    return delta.account.put(OIDC_PROVIDERS, providers.set(former.arn, former))


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Nobody comes in by a provider that no role trusts."""
    for role in roles_trusting(delta.account, delta.owner_id, "sts:assumerolewithwebidentity"):
        if _THERE in delta.introduced:
            yield f"lets whom it vouches for assume role {role.name}"
        else:
            yield from (f"lets holders of tokens for {each} assume role {role.name}" for each in _news(delta))


def _news(delta: SettingDelta) -> Iterator[str]:
    """A thumbprint says which server tells the keys by which tokens are signed."""
    for part in delta.introduced:
        yield part if part.startswith(_CLIENT_ID) else f"whatever the server with {part} signs"


OIDC_SETTING = Setting(_parts, _without, _openings)
LineageKind("oidc_provider", "OIDC provider {name}", removals=_removals, setting=OIDC_SETTING)
LineageKind("oidc_provider_changed", "OIDC provider {name} changed", setting=OIDC_SETTING)
LineageKind("oidc_provider_removed", "OIDC provider {name} deleted", setting=OIDC_SETTING)


class OIDCProviderChange(AffectsNobody):
    """Of a provider: that it may be trusted, the roles' policies say."""

    provider_arn: str
    provider_name: str
    subject = "provider_arn"


class OIDCProviderCreated(OIDCProviderChange, topic="iam.oidc_provider.created.v1"):
    client_ids: tuple[str, ...]
    """The first of them."""
    thumbprints: tuple[str, ...]
    sentence = "OIDC provider {provider_name} was created."

    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[OIDC_PROVIDERS]
        if self.provider_arn in providers:
            raise LookupError(f"There is an OIDC provider {self.provider_arn} already.")
        provider = OIDCProvider(self.provider_arn, self.provider_name, at, self.client_ids, self.thumbprints)
        return account.put(OIDC_PROVIDERS, providers.set(self.provider_arn, provider))


class OIDCProviderUpdate(OIDCProviderChange):
    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[OIDC_PROVIDERS]
        updated = self.change(providers[self.provider_arn])
        return account.put(OIDC_PROVIDERS, providers.set(self.provider_arn, updated))

    @abstractmethod
    def change(self, provider: OIDCProvider) -> OIDCProvider:
        """The provider afterwards. As `fold`."""


class OIDCClientIDAdded(OIDCProviderUpdate, topic="iam.oidc_provider.client_id_added.v1"):
    client_id: str
    sentence = "OIDC provider {provider_name} got the client id {client_id}."

    def change(self, provider: OIDCProvider) -> OIDCProvider:
        return replace(provider, client_ids=(*provider.client_ids, self.client_id))


class OIDCClientIDRemoved(OIDCProviderUpdate, topic="iam.oidc_provider.client_id_removed.v1"):
    client_id: str
    sentence = "OIDC provider {provider_name} lost the client id {client_id}."

    def change(self, provider: OIDCProvider) -> OIDCProvider:
        return replace(provider, client_ids=tuple(each for each in provider.client_ids if each != self.client_id))


class OIDCThumbprintsReplaced(OIDCProviderUpdate, topic="iam.oidc_provider.thumbprints_replaced.v1"):
    thumbprints: tuple[str, ...]
    sentence = "OIDC provider {provider_name} got other thumbprints."

    def change(self, provider: OIDCProvider) -> OIDCProvider:
        return replace(provider, thumbprints=self.thumbprints)


class OIDCProviderDeleted(OIDCProviderChange, topic="iam.oidc_provider.deleted.v1"):
    """Roles that trust it go on naming it, as in AWS."""

    sentence = "OIDC provider {provider_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        providers = account[OIDC_PROVIDERS].delete(self.provider_arn)
        return account.put(OIDC_PROVIDERS, providers).forget(self.provider_arn)
