"""IAM's operations on the account as a whole: its summary, its properties, and STS's tokens."""

from collections.abc import Callable

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.access_keys import ACCESS_KEYS
from domain.families.account_settings import ACCOUNT_PROPERTIES, TOKEN_VERSION
from domain.families.groups import GROUPS
from domain.families.instance_profiles import INSTANCE_PROFILES
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.oidc_providers import OIDC_PROVIDERS
from domain.families.passwords import LOGIN_PROFILES
from domain.families.policies import MANAGED_POLICIES, ManagedPolicy
from domain.families.roles import ROLES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.user_credentials import SIGNING_CERTIFICATE, USER_CREDENTIALS
from domain.families.users import USERS
from domain.policy import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    MANAGED_POLICY_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    TRUST_POLICY_CHARACTERS_MAX,
    USER_INLINE_POLICIES_CHARACTERS_MAX,
)
from domain.rules import account_settings, quotas
from services.iam import condition_keys
from services.wire.operations import answers, any_resource

TOKEN_VERSIONS = {"v1Token": 1, "v2Token": 2}


def _own_policies(account: Account) -> list[ManagedPolicy]:
    return [policy for policy in account[MANAGED_POLICIES].values() if not policy.is_aws_managed]


_COUNTS: dict[str, Callable[[Account], int]] = {
    "Users": lambda account: len(account[USERS]),
    "Groups": lambda account: len(account[GROUPS]),
    "Roles": lambda account: len(account[ROLES]),
    "Policies": lambda account: len(_own_policies(account)),
    "PolicyVersionsInUse": lambda account: sum(len(policy.versions) for policy in _own_policies(account)),
    "Providers": lambda account: len(account[OIDC_PROVIDERS]) + len(account[SAML_PROVIDERS]),
    "InstanceProfiles": lambda account: len(account[INSTANCE_PROFILES]),
    "ServerCertificates": lambda account: len(account[SERVER_CERTIFICATES]),
    "MFADevices": lambda account: len(account[MFA_DEVICES].by_arn),
    "MFADevicesInUse": lambda account: sum(map(len, account[MFA_DEVICES].owned.values())),
    "AccountMFAEnabled": lambda account: int(bool(account[MFA_DEVICES].owned.get(account.id))),
    "AccountSigningCertificatesPresent": lambda account: int(
        bool(account[USER_CREDENTIALS].of(account.id, SIGNING_CERTIFICATE))
    ),
    "AccountAccessKeysPresent": lambda account: int(bool(account[ACCESS_KEYS].of(account.id))),
    "AccountPasswordPresent": lambda account: int(account.id in account[LOGIN_PROFILES]),
    "GlobalEndpointTokenVersion": lambda account: account[TOKEN_VERSION],
}
_QUOTAS = {
    "UsersQuota": quotas.USERS_MAX,
    "GroupsQuota": quotas.GROUPS_MAX,
    "RolesQuota": quotas.ROLES_MAX,
    "InstanceProfilesQuota": quotas.INSTANCE_PROFILES_MAX,
    "ServerCertificatesQuota": quotas.SERVER_CERTIFICATES_MAX,
    "PoliciesQuota": quotas.CUSTOMER_MANAGED_POLICIES_MAX,
    "PolicyVersionsInUseQuota": quotas.POLICY_VERSIONS_IN_USE_MAX,
    "VersionsPerPolicyQuota": quotas.POLICY_VERSIONS_MAX,
    "GroupsPerUserQuota": quotas.GROUPS_OF_A_USER_MAX,
    "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_OF_A_USER_MAX,
    "SigningCertificatesPerUserQuota": quotas.SIGNING_CERTIFICATES_OF_A_USER_MAX,
    "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES_MAX,
    "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_POLICIES_MAX,
    "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES_MAX,
    "PolicySizeQuota": MANAGED_POLICY_CHARACTERS_MAX,
    "UserPolicySizeQuota": USER_INLINE_POLICIES_CHARACTERS_MAX,
    "GroupPolicySizeQuota": GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    "RolePolicySizeQuota": ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    "AssumeRolePolicySizeQuota": TRUST_POLICY_CHARACTERS_MAX,
}


@answers("GetAccountSummary", on=any_resource)
def get_account_summary(_account: Account, _call: Call) -> Outcome:
    return Outcome(lambda after: {"SummaryMap": {name: count(after) for name, count in _COUNTS.items()} | _QUOTAS})


@answers("GetAccountProperties", on=any_resource, context=condition_keys.account_property_namespaces)
def get_account_properties(_account: Account, _call: Call) -> Outcome:
    return Outcome(lambda after: {"Properties": dict(sorted(after[ACCOUNT_PROPERTIES].items()))})


@answers(
    "PutAccountProperties", on=any_resource, records="properties", context=condition_keys.account_property_namespaces
)
def put_account_properties(account: Account, _call: Call, *, properties: dict[str, str]) -> Outcome:
    return done(*account_settings.put_properties(account, properties))


@answers("SetSecurityTokenServicePreferences", on=any_resource, records="global_endpoint_token_version")
def set_security_token_service_preferences(
    account: Account, _call: Call, *, global_endpoint_token_version: str
) -> Outcome:
    return done(*account_settings.set_token_version(account, TOKEN_VERSIONS[global_endpoint_token_version]))
