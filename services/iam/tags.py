"""IAM's operations on tags: those of all kinds of entities alike."""

from collections.abc import Callable, Mapping

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome, done
from domain.entity_kinds import AnyKind
from domain.families import (
    instance_profiles,
    mfa_devices,
    oidc_providers,
    policies,
    roles,
    saml_providers,
    server_certificates,
    users,
)
from domain.families.aws_managed_policies import known_policy
from domain.families.tags import Tag, tags_of
from domain.rules import tagging
from domain.rules.policies import own_policy
from services.iam import condition_keys, resources
from services.iam.entity_members import tag_members, tag_sort_key, tags_from_request
from services.wire.operations import FindResource, answers
from services.wire.pagination import page_request

TagList = list[Mapping[str, str]]
"""As requests have tags."""


def authorized_tags(account: Account, call: Call, action: str, arn: str, tags: TagList | None) -> list[Tag]:
    """Those that something is created with: IAM asks for permission to tag besides (IAM User Guide, "Controlling access
    using tags"). Raises AccessDenied."""
    if tags:
        authorize(account, call, action, arn, condition_keys.from_tags(tags))
    return tags_from_request(tags or ())


def _answer(
    kind: AnyKind,
    on: FindResource,
    holder: str,
    *,
    called: str | None = None,
    require: Callable[[Account, str], object] = lambda _account, _name: None,
    known: Callable[[Account, str], object] | None = None,
) -> None:
    """Answers the operations of one kind of entity. `holder` is the parameter that names it; `called` what AWS's names
    of operations call the kind; `require` refuses what cannot be tagged; `known` finds whose tags can be listed,
    where that is more."""
    called = called or kind.title

    @answers(f"Tag{called}", on=on, holder=holder, records=f"{holder} tags", context=condition_keys.request_tags)
    def tag_entity(account: Account, _call: Call, *, name: str, tags: TagList) -> Outcome:
        require(account, name)
        return done(*tagging.tag(account, kind, name, tags=tags_from_request(tags)))

    @answers(
        f"Untag{called}", on=on, holder=holder, records=f"{holder} tag_keys", context=condition_keys.request_tag_keys
    )
    def untag_entity(account: Account, _call: Call, *, name: str, tag_keys: list[str]) -> Outcome:
        require(account, name)
        return done(*tagging.untag(account, kind, name, keys=tag_keys))

    @answers(f"List{called}Tags", on=on, holder=holder, records=f"{holder} marker max_items")
    def list_entity_tags(
        account: Account, _call: Call, *, name: str, marker: str | None = None, max_items: int | None = None
    ) -> Outcome:
        tags, pages = (
            tags_of(account, kind.subject((known or kind.named)(account, name))),
            page_request("Tags", marker, max_items),
        )
        return Outcome(lambda _after: pages.of(tags.values(), key=tag_sort_key, render=tag_members))


_answer(users.USER, resources.user, "user_name")
_answer(roles.ROLE, resources.role, "role_name")
_answer(instance_profiles.INSTANCE_PROFILE, resources.instance_profile, "instance_profile_name")
_answer(server_certificates.SERVER_CERTIFICATE, resources.server_certificate, "server_certificate_name")
_answer(policies.POLICY, resources.policy, "policy_arn", require=own_policy, known=known_policy)
_answer(
    oidc_providers.OIDC_PROVIDER,
    resources.oidc_provider,
    "open_id_connect_provider_arn",
    called="OpenIDConnectProvider",
)
_answer(saml_providers.SAML_PROVIDER, resources.saml_provider, "saml_provider_arn")
_answer(mfa_devices.MFA_DEVICE, resources.mfa_device, "serial_number")
