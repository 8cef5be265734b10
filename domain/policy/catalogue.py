"""What services have: their actions, the resource types that these act on, and the condition keys that they bring.

The content is AWS's Service Authorization Reference; who loads it gives an `ActionCatalogue`. Condition keys and
formats of ARNs stand here as patterns: what varies in them, such as the key of a tag, is a `*`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from domain.policy.wildcards import wildcard


@dataclass(frozen=True, slots=True)
class CatalogueAction:
    name: str
    """As the reference writes it, without the service's prefix."""
    access_level: str
    """Read, Write, List, Tagging or Permissions management; several are joined by a comma."""
    resource_types: tuple[str, ...]
    """None for one that is always about `*`."""
    condition_keys: frozenset[str]
    """In lower case; those that it has only with some of its resource types too, but not those of the types."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    name: str
    arn: str
    condition_keys: frozenset[str]
    """In lower case."""


@dataclass(frozen=True, slots=True)
class Service:
    prefix: str
    actions: Mapping[str, CatalogueAction]
    """By name in lower case."""
    resource_types: Mapping[str, ResourceType]
    """By name in lower case."""
    condition_keys: Mapping[str, str]
    """Their types, such as String or ArrayOfARN, by key in lower case."""

    def matching(self, pattern: str) -> tuple[CatalogueAction, ...]:
        """The actions whose name a pattern without prefix matches, whatever the case."""
        pattern = pattern.lower()
        if "*" not in pattern and "?" not in pattern:
            exact = self.actions.get(pattern)
            return () if exact is None else (exact,)
        test = wildcard(pattern)
        return tuple(action for name, action in self.actions.items() if test(name))

    def types_of(self, action: CatalogueAction) -> tuple[ResourceType, ...]:
        names = (name.lower() for name in action.resource_types)
        return tuple(self.resource_types[name] for name in names if name in self.resource_types)

    def has(self, action: CatalogueAction, key: str) -> bool:
        """Whether a request for the action can bring the condition key, itself or through its resource."""
        if named(key, action.condition_keys) is not None:
            return True
        return any(named(key, resource.condition_keys) is not None for resource in self.types_of(action))


class ActionCatalogue(Protocol):
    @property
    def version(self) -> str: ...

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says, in hexadecimal digits."""

    @property
    def services(self) -> Collection[str]:
        """Their prefixes, in lower case."""

    def service(self, prefix: str) -> Service | None:
        """None when there is no such service."""


_test = lru_cache(maxsize=2_048)(wildcard)
"""Of patterns of the catalogue."""


def named(key: str, patterns: Iterable[str]) -> str | None:
    """The pattern that a condition key, in lower case, is written after."""
    if key in patterns:
        return key
    return next((pattern for pattern in patterns if "*" in pattern and _test(pattern)(key)), None)


# "AWS global condition context keys", with the data types and, as ArrayOf, the multivalued ones that it names.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL_KEYS_BY_TYPE = {
    "String": (
        "aws:CalledViaAWSMCP aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc aws:FederatedProvider "
        "aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName aws:PrincipalTag/* aws:PrincipalType "
        "aws:referer aws:RequestedRegion aws:RequestTag/* aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/* "
        "aws:SourceAccount aws:SourceIdentity aws:SourceOrgID aws:SourceVpc aws:SourceVpce aws:UserAgent aws:userid "
        "aws:username aws:VpceAccount aws:VpceOrgID"
    ),
    "ArrayOfString": (
        "aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths "
        "aws:TagKeys aws:VpceOrgPaths"
    ),
    "ARN": "aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn aws:SourceVpcArn",
    "Bool": (
        "aws:AssumedRoot aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport aws:ViaAWSService "
        "aws:IsMcpServiceAction aws:ViaAWSMCPService"
    ),
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IPAddress": "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
    "Numeric": "aws:MultiFactorAuthAge",
}
GLOBAL_CONDITION_KEYS: Mapping[str, str] = {
    key.lower(): type_ for type_, keys in _GLOBAL_KEYS_BY_TYPE.items() for key in keys.split()
}
CROSS_SERVICE_CONDITION_KEYS: Mapping[str, str] = {
    "codebuild:buildarn": "ARN",
    "codebuild:projectarn": "ARN",
    "ec2:roledelivery": "Numeric",
    "ec2:sourceinstancearn": "ARN",
    "glue:credentialissuingservice": "String",
    "glue:roleassumedby": "String",
    "identitystore:userid": "String",
    "lambda:sourcefunctionarn": "ARN",
    "ssm:sourceinstancearn": "ARN",
    # The Service Authorization Reference has these on the page of another service, or beside actions alone.
    "ec2:osuser": "String",
    "identitystore:groupid": "ArrayOfString",
    "iot:jobid": "String",
    "kms:recipientattestation:pcr8:servicename": "String",
}
"""Keys of one service that requests to others bring (the same page, "Cross-service condition keys")."""
