"""Operations that name something by its ARN, given the ARN of something else."""

import pytest

from domain.foundation.errors import InvalidInput, NoSuchEntity, Refusal
from tests.services.endpoint import ACCOUNT, Endpoint, allow

ROLE, POLICY = f"arn:aws:iam::{ACCOUNT}:role/ops", f"arn:aws:iam::{ACCOUNT}:policy/may"
SAML, OIDC = f"arn:aws:iam::{ACCOUNT}:saml-provider/okta", f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"
OTHERS_OIDC = OIDC.replace(ACCOUNT, "999988887777")
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PolicyArn": (
        (
            *("GetPolicy", "DeletePolicy", "ListPolicyVersions", "ListEntitiesForPolicy", "ListPolicyTags"),
            *("AttachUserPolicy", "DetachUserPolicy"),
        ),
        (ROLE, OIDC, "no ARN, but as long as one", POLICY.replace("iam", "s3")),
    ),
    "OpenIDConnectProviderArn": (
        ("GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "ListOpenIDConnectProviderTags"),
        (ROLE, SAML, POLICY),
    ),
    "SAMLProviderArn": (("GetSAMLProvider", "DeleteSAMLProvider", "ListSAMLProviderTags"), (ROLE, OIDC, POLICY)),
    "SerialNumber": (("GetMFADevice", "DeleteVirtualMFADevice", "ListMFADeviceTags"), (ROLE, POLICY)),
}


def test_the_arn_of_another_kind() -> None:
    """None of them takes it for one of its own that is not there, nor succeeds; nor does a deletion that is silent
    about what is gone, for a provider of another account."""
    endpoint = Endpoint()
    endpoint.user("ann", allow("*"))
    for member, (operations, arns) in OPERATIONS.items():
        expected: type[Refusal] = NoSuchEntity if member == "SerialNumber" else InvalidInput
        for operation in operations:
            user = {"UserName": "ann"} if "UserPolicy" in operation else {}
            for arn in arns:
                with pytest.raises(expected):
                    endpoint.call(endpoint.root, operation, **user, **{member: arn})
    with pytest.raises(InvalidInput, match=rf"^ARN {OTHERS_OIDC} is not valid. \(expected one of oidc-provider/ of"):
        endpoint.call(endpoint.root, "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=OTHERS_OIDC)
    endpoint.call(endpoint.root, "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=OIDC)
