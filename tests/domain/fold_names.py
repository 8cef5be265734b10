"""ARNs of what the accounts have whose folding is measured."""

from tests.domain.accounts import ACCOUNT


def oidc_arn(name: object) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/p{name}.example.com"


def saml_arn(name: object) -> str:
    return f"arn:aws:iam::{ACCOUNT}:saml-provider/p{name}"


def mfa_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:mfa/{name}"


def analyzer_arn(name: object) -> str:
    return f"arn:aws:access-analyzer:eu-central-1:{ACCOUNT}:analyzer/a{name}"
