"""How many there may be (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

from domain.foundation.errors import LimitExceeded

USERS_MAX = 5_000
GROUPS_MAX = 300
ROLES_MAX = 1_000
INSTANCE_PROFILES_MAX = 1_000
ROLES_OF_AN_INSTANCE_PROFILE_MAX = 1
CUSTOMER_MANAGED_POLICIES_MAX = 1_500
GROUPS_OF_A_USER_MAX = 10
ACCESS_KEYS_OF_A_USER_MAX = 2
MFA_DEVICES_OF_A_USER_MAX = 8
"""And of the root user."""
VIRTUAL_MFA_DEVICES_MAX = USERS_MAX
"""Assigned or not."""
ATTACHED_POLICIES_MAX = 10
"""To one user, group or role."""
POLICY_VERSIONS_MAX = 5
POLICY_VERSIONS_IN_USE_MAX = 10_000
OIDC_PROVIDERS_MAX = 100
CLIENT_IDS_OF_A_PROVIDER_MAX = 100
THUMBPRINTS_OF_A_PROVIDER_MAX = 5
SAML_PROVIDERS_MAX = 100
PRIVATE_KEYS_OF_A_PROVIDER_MAX = 2
SSH_PUBLIC_KEYS_OF_A_USER_MAX = 5
SIGNING_CERTIFICATES_OF_A_USER_MAX = 2
SERVICE_SPECIFIC_CREDENTIALS_OF_A_USER_MAX = 2
"""For one service."""
SERVER_CERTIFICATES_MAX = 20
TAGS_MAX = 50
"""On one user or role."""


def refuse_beyond(name: str, count: int, most: int) -> None:
    """Raises LimitExceeded when one more would be too many; `name` is AWS's name of the quota."""
    if count >= most:
        raise LimitExceeded(f"Cannot exceed quota for {name}: {most}")
