"""IAM's operations on OpenID Connect providers."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.oidc_providers import OIDC_PROVIDER, OIDC_PROVIDERS, oidc_provider
from domain.rules import oidc_providers, tagging
from services.iam import condition_keys, resources
from services.iam.entity_members import tags_member
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, any_resource


@answers(
    "CreateOpenIDConnectProvider",
    on=resources.new_oidc_provider,
    records="url client_id_list thumbprint_list tags",
    context=condition_keys.request_tags,
)
def create_open_id_connect_provider(
    account: Account,
    call: Call,
    *,
    url: str,
    client_id_list: list[str] | None = None,
    thumbprint_list: list[str] | None = None,
    tags: TagList | None = None,
) -> Outcome:
    """AWS finds out a thumbprint by itself where none is given. This server asks nobody: there is none then, and a
    certificate counts by its issuer."""
    arn = oidc_providers.provider_arn(account, url)
    given = authorized_tags(account, call, "iam:TagOpenIDConnectProvider", arn, tags)
    created = oidc_providers.create_oidc_provider(
        account, url=url, client_ids=client_id_list or (), thumbprints=thumbprint_list or ()
    )
    return Outcome(
        lambda after: {"OpenIDConnectProviderArn": arn} | tags_member(after, arn),
        [*created, *tagging.tags_on_create(OIDC_PROVIDER, arn, created[0].provider_name, given)],
    )


@answers("GetOpenIDConnectProvider", on=resources.oidc_provider, records="open_id_connect_provider_arn")
def get_open_id_connect_provider(account: Account, _call: Call, *, open_id_connect_provider_arn: str) -> Outcome:
    provider = oidc_provider(account, open_id_connect_provider_arn)
    return Outcome(
        lambda after: (
            {
                "Url": provider.name,
                "ClientIDList": list(provider.client_ids),
                "ThumbprintList": list(provider.thumbprints),
                "CreateDate": provider.created_at,
            }
            | tags_member(after, provider.arn)
        )
    )


@answers("ListOpenIDConnectProviders", on=any_resource)
def list_open_id_connect_providers(_account: Account, _call: Call) -> Outcome:
    return Outcome(lambda after: {"OpenIDConnectProviderList": [{"Arn": arn} for arn in sorted(after[OIDC_PROVIDERS])]})


@answers(
    "AddClientIDToOpenIDConnectProvider", on=resources.oidc_provider, records="open_id_connect_provider_arn client_id"
)
def add_client_id_to_open_id_connect_provider(
    account: Account, _call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> Outcome:
    return done(*oidc_providers.add_client_id(account, arn=open_id_connect_provider_arn, client_id=client_id))


@answers(
    "RemoveClientIDFromOpenIDConnectProvider",
    on=resources.oidc_provider,
    records="open_id_connect_provider_arn client_id",
)
def remove_client_id_from_open_id_connect_provider(
    account: Account, _call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> Outcome:
    return done(*oidc_providers.remove_client_id(account, arn=open_id_connect_provider_arn, client_id=client_id))


@answers(
    "UpdateOpenIDConnectProviderThumbprint",
    on=resources.oidc_provider,
    records="open_id_connect_provider_arn thumbprint_list",
)
def update_open_id_connect_provider_thumbprint(
    account: Account, _call: Call, *, open_id_connect_provider_arn: str, thumbprint_list: list[str]
) -> Outcome:
    return done(
        *oidc_providers.replace_thumbprints(account, arn=open_id_connect_provider_arn, thumbprints=thumbprint_list)
    )


@answers("DeleteOpenIDConnectProvider", on=resources.oidc_provider, records="open_id_connect_provider_arn")
def delete_open_id_connect_provider(account: Account, _call: Call, *, open_id_connect_provider_arn: str) -> Outcome:
    return done(*oidc_providers.delete_oidc_provider(account, arn=open_id_connect_provider_arn))
