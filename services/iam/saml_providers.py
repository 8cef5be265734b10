"""IAM's operations on SAML providers."""

from domain.account import Account
from domain.calls import Call, NeedsFacts, NewSecret, Outcome
from domain.families.saml_providers import (
    PRIVATE_KEY,
    SAML_PROVIDER,
    SAML_PROVIDERS,
    UUID,
    SAMLFacts,
    SAMLPrivateKey,
    SAMLQuery,
    saml_provider,
)
from domain.foundation.errors import Throttling
from domain.foundation.secret import Secret
from domain.rules import saml_providers, tagging
from domain.rules.saml_providers import SAMLChanges, metadata_of
from services.iam import condition_keys, resources
from services.iam.entity_members import tags_member
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, any_resource


@answers(
    "CreateSAMLProvider",
    on=resources.new_saml_provider,
    records="name tags assertion_encryption_mode",
    context=condition_keys.request_tags,
)
def create_saml_provider(
    account: Account,
    call: Call,
    *,
    name: str,
    saml_metadata_document: str,
    tags: TagList | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
) -> Outcome:
    arn = resources.saml_provider_arn(account, name)
    given = authorized_tags(account, call, "iam:TagSAMLProvider", arn, tags)
    facts = _read(call, saml_metadata_document, add_private_key)
    added, new_secrets = _added_key(account, call, add_private_key)
    created = saml_providers.create_saml_provider(
        account,
        name=name,
        uuid=call.unique_id(UUID),
        metadata=metadata_of(saml_metadata_document, facts, call.at),
        changes=SAMLChanges(assertion_encryption=assertion_encryption_mode, added_key_id=added),
    )
    return Outcome(
        lambda after: {"SAMLProviderArn": arn} | tags_member(after, arn),
        [*created, *tagging.tags_on_create(SAML_PROVIDER, arn, name, given)],
        new_secrets=new_secrets,
        new_texts=[saml_metadata_document],
    )


@answers("GetSAMLProvider", on=resources.saml_provider, records="saml_provider_arn")
def get_saml_provider(account: Account, call: Call, *, saml_provider_arn: str) -> Outcome:
    provider = saml_provider(account, saml_provider_arn)
    document = call.long_texts(provider.metadata.sha256)[provider.metadata.sha256]
    mode = provider.assertion_encryption
    keys = [{"KeyId": key.id, "Timestamp": key.added_at} for key in provider.private_keys]
    return Outcome(
        lambda after: (
            {
                "SAMLProviderUUID": provider.uuid,
                "SAMLMetadataDocument": document,
                "CreateDate": provider.created_at,
                "ValidUntil": provider.metadata.valid_until,
            }
            | tags_member(after, provider.arn)
            | ({} if mode is None else {"AssertionEncryptionMode": mode})
            | ({"PrivateKeyList": keys} if keys else {})
        )
    )


@answers("ListSAMLProviders", on=any_resource)
def list_saml_providers(_account: Account, _call: Call) -> Outcome:
    return Outcome(
        lambda after: {
            "SAMLProviderList": [
                {"Arn": arn, "ValidUntil": provider.metadata.valid_until, "CreateDate": provider.created_at}
                for arn, provider in sorted(after[SAML_PROVIDERS].items())
            ]
        }
    )


@answers(
    "UpdateSAMLProvider",
    on=resources.saml_provider,
    records="saml_provider_arn assertion_encryption_mode remove_private_key",
)
def update_saml_provider(
    account: Account,
    call: Call,
    *,
    saml_provider_arn: str,
    saml_metadata_document: str | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
    remove_private_key: str | None = None,
) -> Outcome:
    saml_provider(account, saml_provider_arn)
    metadata = None
    if saml_metadata_document is not None or add_private_key is not None:
        facts = _read(call, saml_metadata_document, add_private_key)
        metadata = None if saml_metadata_document is None else metadata_of(saml_metadata_document, facts, call.at)
    added, new_secrets = _added_key(account, call, add_private_key)
    changes = SAMLChanges(metadata, assertion_encryption_mode, added, remove_private_key)
    return Outcome(
        lambda _after: {"SAMLProviderArn": saml_provider_arn},
        [*saml_providers.update_saml_provider(account, arn=saml_provider_arn, changes=changes)],
        new_secrets=new_secrets,
        new_texts=[] if saml_metadata_document is None else [saml_metadata_document],
    )


@answers("DeleteSAMLProvider", on=resources.saml_provider, records="saml_provider_arn")
def delete_saml_provider(account: Account, _call: Call, *, saml_provider_arn: str) -> Outcome:
    """Its private keys are destroyed in the same transaction."""
    keys = saml_provider(account, saml_provider_arn).private_keys
    return Outcome(
        lambda _after: {},
        [saml_providers.delete_saml_provider(account, arn=saml_provider_arn)],
        destroyed_secrets=[key.secret_id for key in keys],
    )


def _read(call: Call, document: str | None, private_key: str | None) -> SAMLFacts:
    """They are the call's own, so that what was found out of them holds. Raises NeedsFacts."""
    if isinstance(call.facts, SAMLFacts):
        return call.facts
    wanted = SAMLQuery(document, None if private_key is None else Secret(private_key))
    raise NeedsFacts(wanted, unsettled=Throttling("The document could not be read in time."))


def _added_key(account: Account, call: Call, private_key: str | None) -> tuple[str | None, list[NewSecret]]:
    if private_key is None:
        return None, []
    key = SAMLPrivateKey(call.unique_id(PRIVATE_KEY), call.at)
    return key.id, [NewSecret(key.secret_id, account.id, Secret(private_key))]
