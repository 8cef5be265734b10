"""Steps of random histories that are about identity providers."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.oidc_providers import OIDC_PROVIDERS
from domain.families.saml_providers import SAML_PROVIDERS, SAMLMetadata
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id
from domain.foundation.long_texts import text_digest
from domain.rules import oidc_providers, saml_providers
from tests.step_draws import NAMES, one, step

_WHAT = st.sampled_from(["create", "create", "add", "remove", "thumbprints", "delete"])


def oidc_provider_step(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    url = f"https://{draw(NAMES)}.example.com"
    arn = oidc_providers.provider_arn(account, url)
    match draw(_WHAT):
        case "create":
            client_ids = draw(st.lists(NAMES, max_size=2))
            return oidc_providers.create_oidc_provider(account, url=url, client_ids=client_ids, thumbprints=())
        case "add":
            return oidc_providers.add_client_id(account, arn=arn, client_id=draw(NAMES))
        case "remove":
            provider = one(draw, account[OIDC_PROVIDERS].values())
            return oidc_providers.remove_client_id(account, arn=provider.arn, client_id=one(draw, provider.client_ids))
        case "thumbprints":
            digits = draw(st.sampled_from(["a", "b"]))
            return oidc_providers.replace_thumbprints(account, arn=arn, thumbprints=[digits * 40])
        case _:
            return oidc_providers.delete_oidc_provider(account, arn=arn)


def saml_provider_step(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    """Private keys are no affair of the account's value."""
    providers, mark = account[SAML_PROVIDERS], new_unique_id("", random)
    chosen = step(draw, providers, "metadata", "mode", "key", "key", "delete")
    metadata = SAMLMetadata(text_digest(mark), mark, at)  # The text is the issuer, whoever has to write it.
    if chosen == "create":
        changes = saml_providers.SAMLChanges()
        return saml_providers.create_saml_provider(
            account, name=draw(NAMES), uuid=mark, metadata=metadata, changes=changes
        )
    provider = one(draw, providers.values())
    if chosen == "delete":
        return [saml_providers.delete_saml_provider(account, arn=provider.arn)]
    removed = draw(st.sampled_from([None, *(key.id for key in provider.private_keys)]))
    changes = {
        "metadata": saml_providers.SAMLChanges(metadata=metadata),
        "mode": saml_providers.SAMLChanges(assertion_encryption=draw(st.sampled_from(["Required", "Allowed"]))),
        "key": saml_providers.SAMLChanges(added_key_id=mark, removed_key_id=removed),
    }[chosen]
    return [*saml_providers.update_saml_provider(account, arn=provider.arn, changes=changes)]
