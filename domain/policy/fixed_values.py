"""Whether a condition tells somebody from everybody else, by what AWS calls fixed values.

"Fixed values (values that don't contain a wildcard)" of the keys that these pages list keep a policy from being public;
all others are whatever a stranger sends. One definition for all who ask: CheckNoPublicAccess, `isPublic` of findings,
and the checks of compliance.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
"""

import re
from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from domain.policy.conditions import Condition

FIXING_KEYS = (
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "kms:CallerAccount",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
)
_FIXING = frozenset(map(str.lower, FIXING_KEYS))
_EQUALITIES = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"})
_NARROW_PREFIXES = {4: 8, 6: 32}
"""Bits of the widest network that is a fixed value, by version of IP (the page on S3)."""
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}/.*", re.DOTALL)
_PATTERNS = {
    # Of an account, whatever it is there. Where a wildcard came before, it could reach past the account.
    "aws:PrincipalArn": re.compile(r"arn:[a-z-]+:(?:iam|sts)::[0-9]{12}:.*", re.DOTALL),
    "aws:SourceArn": re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.*", re.DOTALL),
    # "This value can contain a wildcard for the access point name", where the account is fixed.
    "s3:DataAccessPointArn": re.compile(r"arn:[a-z-]+:s3:[a-z0-9-]*:[0-9]{12}:accesspoint/.*", re.DOTALL),
    # An organization, whatever is below it.
    "aws:PrincipalOrgPaths": _ORGANIZATION,
    "aws:SourceOrgPaths": _ORGANIZATION,
}
_PATTERNS_BY_KEY = {key.lower(): pattern for key, pattern in _PATTERNS.items()}
_SUBJECT = ":sub"
_TENANT = re.compile(r"(?:system:serviceaccount|(?!system:)[^:*?]+):[^:/*?]+[:/].*", re.DOTALL)
"""Of a subject: whose it is, such as repo:octo-org/ or system:serviceaccount:namespace:, before any wildcard."""
_SHARED_PROVIDERS = {
    "accounts.google.com": ("aud", "oaud", "sub"),
    "cognito-identity.amazonaws.com": ("aud", "sub"),
    "graph.facebook.com": ("app_id", "id"),
    "www.amazon.com": ("app_id", "user_id"),
    "agent.buildkite.com": ("sub",),
    "app.terraform.io": ("sub",),
    "gitlab.com": ("sub",),
    "token.actions.githubusercontent.com": ("sub",),
}
"""Identity providers that vouch for anybody who registers there, and the claims that tell whose somebody is ("OIDC
federation": "available keys for AWS web identity federation", and the providers' own pages on AWS)."""
_PROVIDER_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/")


def is_fixed(key: str, text: str) -> bool:
    """Whether a value of the key, but no network, has no wildcard and no variable, or none before it says whose it is.
    A pattern of a key is the same whatever the operator."""
    if "${" in text:
        return False
    if not {"*", "?"} & set(text):
        return True
    form = _TENANT if key.lower().endswith(_SUBJECT) else _PATTERNS_BY_KEY.get(key.lower())
    return form is not None and form.fullmatch(text) is not None


def narrow_networks(texts: Iterable[str]) -> list[str]:
    """Those that are no more than a fixed network together."""
    return [str(each) for each in _merged(texts) if _is_narrow(each)]


def _merged(texts: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    networks = [ip_network(text, strict=False) for text in texts]
    return [
        *collapse_addresses(each for each in networks if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in networks if isinstance(each, IPv6Network)),
    ]


def _is_narrow(network: IPv4Network | IPv6Network) -> bool:
    return network.prefixlen >= _NARROW_PREFIXES[network.version]


def fixes(condition: Condition, keys: Collection[str] = _FIXING) -> bool:
    """Whether it holds only for requests that bring a fixed value of one of the keys, which are in lower case: without
    other ones, of those above. A negation does not, nor what holds of a request without the key."""
    if condition.context_key not in keys:
        return False
    operator = condition.operator.removeprefix("ForAnyValue:")
    if operator == "IpAddress":
        return all(map(_is_narrow, _merged(condition.wanted)))
    return operator in _EQUALITIES and all(is_fixed(condition.context_key, text) for text in condition.wanted)


def tenant_keys(provider: str) -> Sequence[str]:
    """The condition keys, in lower case, that tell for whom an identity provider vouches, which is named as in a
    Principal element; none where it vouches for one customer's own people."""
    name = _PROVIDER_ARN.sub("", provider)
    return [f"{name}:{claim}" for claim in _SHARED_PROVIDERS.get(name, ())]
