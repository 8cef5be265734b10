"""Whether the policy of a resource lets in the public: somebody whom no fixed value tells from everybody else.

Such a request comes from no account that the policy names, and of the keys by which AWS tells who is meant, it has
values that the policy does not fix. "Fixed values (values that don't contain a wildcard)", of the keys that the pages
below list, keep a policy from being public; all others are whatever a stranger sends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from domain.policy.comparison.budget import Budget
from domain.policy.comparison.compare import STEPS_MAX, Comparer, Comparison
from domain.policy.comparison.literals import Literal, condition_literal
from domain.policy.comparison.who import People, Somebody, elements_of, namings_of, strangers
from domain.policy.conditions import Condition, condition
from domain.policy.document import Policy
from domain.policy.principals import RequestPrincipal

_FIXING_KEYS = (
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
_NO_STRANGERS = {"elasticfilesystem:AccessedViaMountTarget": "true"}
"""What no stranger sends, whatever a policy says of it (the page on EFS)."""
_NARROW_PREFIXES = {4: 8, 6: 32}
"""Bits of the widest network that is a fixed value, by version of IP (the page on S3)."""
_FIXED_PATTERNS = {
    # Of an account, whatever it is there. Where a wildcard came before, it could reach past the account.
    "aws:PrincipalArn": re.compile(r"arn:[a-z-]+:(?:iam|sts)::[0-9]{12}:.*", re.DOTALL),
    "aws:SourceArn": re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.*", re.DOTALL),
    # "This value can contain a wildcard for the access point name", where the account is fixed.
    "s3:DataAccessPointArn": re.compile(r"arn:[a-z-]+:s3:[a-z0-9-]*:[0-9]{12}:accesspoint/.*", re.DOTALL),
    # An organization, whatever is below it.
    "aws:PrincipalOrgPaths": re.compile(r"o-[a-z0-9]{10,32}/.*", re.DOTALL),
    "aws:SourceOrgPaths": re.compile(r"o-[a-z0-9]{10,32}/.*", re.DOTALL),
}
_TENANT = re.compile(r"[^:*?]+:[^:/*?]+[:/].*", re.DOTALL)
"""Of a subject: whose it is, such as repo:octo-org/, before any wildcard."""
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
_PROVIDER = re.compile(r"(?:arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/)?(.*)")


def public_access(policy: Policy, steps: int = STEPS_MAX) -> Comparison:
    """What a policy of the type RESOURCE or TRUST grants to the public."""
    return Comparer([policy], steps).compare(people=_the_public)


def _the_public(policies: Sequence[Policy], _budget: Budget) -> People:
    elements = elements_of(policies)
    conditions = [
        (each, policy.version == "2012-10-17")
        for policy in policies
        for statement in policy.statements
        for each in statement.conditions
    ]
    unfixed = tuple(_unfixed(conditions, _FIXING_KEYS))
    people = [Somebody(each, bounded=False, asked=unfixed) for each in strangers(elements)]
    federated = {name for each in elements if each is not None for name in each.names if name[0] == "Federated"}
    for name in sorted(federated):
        provider = _PROVIDER.fullmatch(name[1])
        assert provider is not None
        if claims := _SHARED_PROVIDERS.get(provider[1]):
            keys = [f"{provider[1]}:{claim}" for claim in claims]
            asked = (*unfixed, *_unfixed(conditions, keys), *map(_given, keys))
            people.append(Somebody(RequestPrincipal(name[1], None, frozenset({name})), bounded=False, asked=asked))
    return [(namings_of(elements, each.principal), each) for each in people]


def _given(key: str) -> Literal:
    return _literal("Null", key, ["false"])


def _unfixed(conditions: Iterable[tuple[Condition, bool]], keys: Iterable[str]) -> Iterator[Literal]:
    """That the keys have other values than those that conditions fix."""
    by_key: dict[str, list[tuple[Condition, bool]]] = {}
    for each, has_variables in conditions:
        by_key.setdefault(each.context_key, []).append((each, has_variables))
    for key in keys:
        named = by_key.get(key.lower(), ())
        networks = [text for each, _ in named if "IpAddress" in each.operator for text in each.wanted]
        if narrow := _narrow(networks):
            yield _literal("ForAllValues:NotIpAddress", key, narrow)
        texts = {
            text
            for each, has_variables in named
            if not each.operator.endswith(("IpAddress", "IpAddressIfExists", "Null"))
            for text in each.wanted
            if not (has_variables and "${" in text)
        }
        if fixed := sorted(text for text in texts if "*" not in text and "?" not in text):
            yield _literal("ForAllValues:StringNotEqualsIgnoreCase", key, fixed)
        form = _FIXED_PATTERNS.get(key, _TENANT if key.endswith(":sub") else _NEVER)
        if patterns := sorted(text for text in texts - {*fixed} if form.fullmatch(text)):
            yield _literal("ForAllValues:StringNotLike", key, patterns)
    for key, value in _NO_STRANGERS.items():
        if key.lower() in by_key:
            yield _literal("ForAllValues:StringNotEqualsIgnoreCase", key, [value])


_NEVER = re.compile(r"(?!)")


def _narrow(texts: Iterable[str]) -> list[str]:
    """Those that are no more than a fixed network together."""
    networks = [ip_network(text, strict=False) for text in texts]
    merged: list[IPv4Network | IPv6Network] = [
        *collapse_addresses(each for each in networks if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in networks if isinstance(each, IPv6Network)),
    ]
    return [str(each) for each in merged if each.prefixlen >= _NARROW_PREFIXES[each.version]]


def _literal(operator: str, key: str, texts: Sequence[str]) -> Literal:
    made = condition(operator, key, tuple(texts), has_variables=False, denies=False)
    return condition_literal(made, has_variables=False, denies=False)
