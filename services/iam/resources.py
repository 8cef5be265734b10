"""ARNs of what operations act on, whether it exists or not: authorization comes before existence is told.

Which operation acts on which resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from typing import TypeVar

from domain.account import Account, Component
from domain.calls import Call
from domain.families.access_keys import ACCESS_KEYS
from domain.families.groups import GROUPS
from domain.families.instance_profiles import INSTANCE_PROFILES
from domain.families.roles import ROLES
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.users import USERS
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.rules.oidc_providers import provider_arn
from domain.rules.users import means_root
from services.wire.operations import FindResource, Parameters, TargetResource

E = TypeVar("E", bound=NamedEntity)


def _named(noun: str, index: Component[EntityIndex[E]]) -> FindResource:
    """The one that has the name, in whatever case and below whatever path; a refusal tells neither."""

    def resource(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
        name = parameters[f"{noun}_name"]
        named = account.arn(f"{noun.replace('_', '-')}{parameters.get('path', '/')}{name}")
        found = account[index].find(name)
        return TargetResource(named if found is None else account.arn(found.resource), named)

    return resource


_user, group, role = _named("user", USERS), _named("group", GROUPS), _named("role", ROLES)
instance_profile = _named("instance_profile", INSTANCE_PROFILES)
server_certificate = _named("server_certificate", SERVER_CERTIFICATES)


def user(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    """The user named, or without a name the caller itself; root, where root names itself."""
    if means_root(account, call, parameters.get("user_name")):
        return TargetResource.of_arn(account.arn("root"))
    if parameters.get("user_name") is None:
        return TargetResource.of_arn(call.caller.principal.arn)
    return _user(account, call, parameters)


def mfa_device(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(parameters["serial_number"])


def new_mfa_device(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    name = parameters["virtual_mfa_device_name"]
    return TargetResource.of_arn(account.arn(f"mfa{parameters.get('path', '/')}{name}"))


def policy(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(parameters["policy_arn"])


def access_key_owner(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    """The user whose key it is. A key that does not exist is nobody's: only who may ask about all users learns so."""
    key = account[ACCESS_KEYS].by_id.get(parameters["access_key_id"])
    if key is None:
        owner = "user/*"
    else:
        owner = "root" if key.user_id == account.id else account[USERS].by_id[key.user_id].resource
    return TargetResource(account.arn(owner), account.arn("user/*"))


def new_policy(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(account.arn(f"policy{parameters.get('path', '/')}{parameters['policy_name']}"))


def oidc_provider(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(parameters["open_id_connect_provider_arn"])


def new_oidc_provider(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(provider_arn(account, parameters["url"]))


def saml_provider_arn(account: Account, name: str) -> str:
    return account.arn(f"saml-provider/{name}")


def saml_provider(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(parameters["saml_provider_arn"])


def new_saml_provider(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(saml_provider_arn(account, parameters["name"]))


def policy_source(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    """The user, group or role whose policies are asked about."""
    return TargetResource.of_arn(parameters["policy_source_arn"])


def policies_under_path(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    """No policy can name them: a refusal of AWS's says the path, which is no ARN."""
    return TargetResource("*", f"policy path {parameters.get('path_prefix', '/')}")


def _under_path(noun: str) -> FindResource:
    """The reference knows no resource for these; AWS's refusals name this one, and policies match it."""
    return lambda account, _call, parameters: TargetResource.of_arn(
        account.arn(f"{noun}{parameters.get('path_prefix', '/')}")
    )


users_under_path, groups_under_path = _under_path("user"), _under_path("group")
roles_under_path = _under_path("role")
