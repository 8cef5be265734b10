"""OpenID Connect providers: what may be registered and changed. Nothing is asked of the provider itself: no request
leaves this server.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
"""

import re
from collections.abc import Iterator, Sequence

from domain.account import Account
from domain.families.oidc_providers import (
    OIDC_PROVIDERS,
    OIDCClientIDAdded,
    OIDCClientIDRemoved,
    OIDCProviderChange,
    OIDCProviderCreated,
    OIDCProviderDeleted,
    OIDCThumbprintsReplaced,
    oidc_provider,
)
from domain.foundation.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, ValidationError
from domain.foundation.identifiers import refuse_other_arn
from domain.rules.quotas import (
    CLIENT_IDS_OF_A_PROVIDER_MAX,
    OIDC_PROVIDERS_MAX,
    THUMBPRINTS_OF_A_PROVIDER_MAX,
    refuse_beyond,
)

SCHEME = "https://"
CLIENT_IDS_OF_AN_EVENT_MAX = 32
"""Of 255 characters each, of which one may take four bytes."""
_CLIENT_IDS_QUOTA = "ClientIdsPerOpenIdConnectProvider"
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*(/[!-~]*)?", re.IGNORECASE | re.ASCII)
_THUMBPRINT = re.compile("[0-9a-fA-F]{40}")


def provider_arn(account: Account, url: str) -> str:
    return account.arn(f"oidc-provider/{url.removeprefix(SCHEME)}")


def create_oidc_provider(
    account: Account, *, url: str, client_ids: Sequence[str], thumbprints: Sequence[str]
) -> tuple[OIDCProviderChange, ...]:
    """A client id that is given twice counts once."""
    name, arn = url.removeprefix(SCHEME), provider_arn(account, url)
    if not url.startswith(SCHEME) or not _NAME.fullmatch(name) or "?" in name or "#" in name:
        raise ValidationError(
            "Invalid Open ID Connect Provider URL "
            f"(got {url}, expected {SCHEME} and a host, with a path or without, but no port, query or fragment)"
        )
    if arn in account[OIDC_PROVIDERS]:
        raise EntityAlreadyExists(f"Provider with url {url} already exists.")
    refuse_beyond("OpenIdConnectProvidersPerAccount", len(account[OIDC_PROVIDERS]), OIDC_PROVIDERS_MAX)
    unique = tuple(dict.fromkeys(client_ids))
    if len(unique) > CLIENT_IDS_OF_A_PROVIDER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for {_CLIENT_IDS_QUOTA}: {CLIENT_IDS_OF_A_PROVIDER_MAX}")
    first, others = unique[:CLIENT_IDS_OF_AN_EVENT_MAX], unique[CLIENT_IDS_OF_AN_EVENT_MAX:]
    thumbprints = _fit(thumbprints)
    created = OIDCProviderCreated(provider_arn=arn, provider_name=name, client_ids=first, thumbprints=thumbprints)
    return created, *(OIDCClientIDAdded(provider_arn=arn, provider_name=name, client_id=each) for each in others)


def add_client_id(account: Account, *, arn: str, client_id: str) -> tuple[OIDCClientIDAdded, ...]:
    """Adding one that is there is no error and no event."""
    provider = oidc_provider(account, arn)
    if client_id in provider.client_ids:
        return ()
    refuse_beyond(_CLIENT_IDS_QUOTA, len(provider.client_ids), CLIENT_IDS_OF_A_PROVIDER_MAX)
    return (OIDCClientIDAdded(provider_arn=arn, provider_name=provider.name, client_id=client_id),)


def remove_client_id(account: Account, *, arn: str, client_id: str) -> tuple[OIDCClientIDRemoved, ...]:
    """Taking away what is not there is no error and no event."""
    provider = oidc_provider(account, arn)
    if client_id not in provider.client_ids:
        return ()
    return (OIDCClientIDRemoved(provider_arn=arn, provider_name=provider.name, client_id=client_id),)


def replace_thumbprints(
    account: Account, *, arn: str, thumbprints: Sequence[str]
) -> tuple[OIDCThumbprintsReplaced, ...]:
    provider = oidc_provider(account, arn)
    fit = _fit(thumbprints)
    if fit == provider.thumbprints:
        return ()
    return (OIDCThumbprintsReplaced(provider_arn=arn, provider_name=provider.name, thumbprints=fit),)


def put_back(
    account: Account, *, arn: str, client_ids: Sequence[str], thumbprints: Sequence[str]
) -> Iterator[OIDCProviderChange]:
    """What makes it have these."""
    provider = oidc_provider(account, arn)
    named = {"provider_arn": arn, "provider_name": provider.name}
    yield from (OIDCClientIDRemoved(**named, client_id=each) for each in provider.client_ids if each not in client_ids)
    yield from (OIDCClientIDAdded(**named, client_id=each) for each in client_ids if each not in provider.client_ids)
    yield from replace_thumbprints(account, arn=arn, thumbprints=thumbprints)


def delete_oidc_provider(account: Account, *, arn: str) -> tuple[OIDCProviderDeleted, ...]:
    """Deleting one that is not there is no error and no event (API Reference, "DeleteOpenIDConnectProvider")."""
    refuse_other_arn(arn, "oidc-provider", account.id)
    provider = account[OIDC_PROVIDERS].get(arn)
    return () if provider is None else (OIDCProviderDeleted(provider_arn=arn, provider_name=provider.name),)


def _fit(thumbprints: Sequence[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(thumbprints))
    if len(unique) > THUMBPRINTS_OF_A_PROVIDER_MAX:
        raise InvalidInput(
            "Thumbprint list must contain fewer than 5 entries. "
            f"(got {len(unique)}, expected {THUMBPRINTS_OF_A_PROVIDER_MAX} at most)"
        )
    for each in unique:
        if not _THUMBPRINT.fullmatch(each):
            raise InvalidInput(f"Invalid thumbprint. (got {each}, expected 40 hexadecimal digits)")
    return unique
