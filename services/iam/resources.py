"""ARNs of what operations act on, whether it exists or not: authorization comes before existence is told.

Which operation acts on which resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from domain.account import Account
from domain.calls import Call
from domain.families.access_keys import ACCESS_KEYS
from domain.families.groups import GROUPS
from domain.families.roles import ROLES
from domain.families.users import USERS
from services.wire.operations import FindResource, Parameters


def user(account: Account, call: Call, parameters: Parameters) -> str:
    """The user named, or without a name the caller itself."""
    name = parameters.get("user_name")
    if name is None:
        return call.caller.principal.arn
    found = account[USERS].find(name)
    return account.arn(found.resource if found else f"user{parameters.get('path', '/')}{name}")


def group(account: Account, _call: Call, parameters: Parameters) -> str:
    name = parameters["group_name"]
    found = account[GROUPS].find(name)
    return account.arn(found.resource if found else f"group{parameters.get('path', '/')}{name}")


def role(account: Account, _call: Call, parameters: Parameters) -> str:
    name = parameters["role_name"]
    found = account[ROLES].find(name)
    return account.arn(found.resource if found else f"role{parameters.get('path', '/')}{name}")


def policy(_account: Account, _call: Call, parameters: Parameters) -> str:
    arn: str = parameters["policy_arn"]
    return arn


def new_policy(account: Account, _call: Call, parameters: Parameters) -> str:
    return account.arn(f"policy{parameters.get('path', '/')}{parameters['policy_name']}")


def access_key_owner(account: Account, _call: Call, parameters: Parameters) -> str:
    """The user whose key it is. A key that does not exist is nobody's: only who may ask about all users learns so."""
    key = account[ACCESS_KEYS].by_id.get(parameters["access_key_id"])
    if key is None:
        return account.arn("user/*")
    return account.arn("root" if key.user_id == account.id else account[USERS].by_id[key.user_id].resource)


def policy_source(_account: Account, _call: Call, parameters: Parameters) -> str:
    """The user, group or role whose policies are asked about."""
    arn: str = parameters["policy_source_arn"]
    return arn


def _under_path(noun: str) -> FindResource:
    return lambda account, _call, parameters: account.arn(f"{noun}{parameters.get('path_prefix', '/')}")


users_under_path, groups_under_path = _under_path("user"), _under_path("group")
roles_under_path, policies_under_path = _under_path("role"), _under_path("policy")
