"""What IAM refuses when a policy is saved, beyond the grammar. Documents that are stored are read without it
(docs/adr/0037).

The sentences are IAM's. What it saves although Access Analyzer calls it an error, the decision record lists.
"""

import re
from typing import NamedTuple

from domain.foundation.errors import worded
from domain.foundation.identifiers import PARTITION
from domain.policy import sentences
from domain.policy.decode import refuse
from domain.policy.document import Policy, PolicyType, Statement, parse
from domain.policy.pattern_relations import overlap
from domain.policy.principals import Principals, refuse_principal
from domain.policy.wildcards import ARN_PARTS, arn_parts

PARTITIONS = (PARTITION, "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")

_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_ACCOUNT = re.compile(r"|[0-9]{12}|aws|.*[*?].*")
_OWNER = re.compile(r"[a-z]+(-[a-z]+)*")
"""Whom resources of some services belong to that belong to no account: aws, amazon, cloudfront."""
_OF_IAM = ("iam", "sts")
_IAM_TYPES = (
    *("user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/"),
    *("sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/"),
)
_UNTOLD_IAM_TYPES = ("assumed-role/", "delegation-request/", "role-template/", "contextProvider/")
"""The Service Authorization Reference has them; IAM's sentence does not name them."""
_REGIONAL_TYPES_OF_S3 = (
    *("accesspoint/*", "access-grants/*", "async-request/*", "job/*", "storage-lens/*", "storage-lens-group/*"),
)
SERVICE_PRINCIPAL = re.compile(
    r"(?P<name>(?!-)[a-z0-9-]+(?<!-)(?:\.(?!-)[a-z0-9-]+(?<!-))*)\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu"
    r"|amazon\.com|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
"""A name, of one or more parts, under a domain of one of the partitions or, as Alexa's, of the shop."""
_SAML_PROVIDER = re.compile(r"arn:[^:]+:iam::[^:]+:saml-provider/[\w.-]{1,128}", re.ASCII)
_TRUST_ACTIONS = (
    *("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"),
    *("sts:tagsession", "sts:setsourceidentity", "sts:setcontext"),
)


class Unfit(NamedTuple):
    """Why a resource is refused."""

    code: str
    """Of Access Analyzer's finding."""
    sentence: str
    """IAM's."""
    detail: str = ""

    @property
    def reason(self) -> str:
        return worded(self.sentence, self.detail)


def parse_new(text: str, policy_type: PolicyType, partition: str = PARTITION) -> Policy:
    """`parse` for a document that is to be saved in an account of this partition. Raises MalformedPolicyDocument."""
    policy = parse(text, policy_type)
    for statement in policy.statements:
        where = f"Statement[{statement.index}]"
        for resource in statement.resources.texts if statement.resources else ():
            if (unfit := unfit_resource(resource, policy_type, partition)) is not None:
                refuse(unfit.sentence, f"{where}.{statement.resource_element}", unfit.detail)
        if statement.principals is not None:
            _refuse_strange_principals(statement.principals, where, partition, policy_type)
        if policy_type is PolicyType.TRUST:
            _refuse_other_actions(statement, where)
    return policy


def unfit_resource(text: str, policy_type: PolicyType, partition: str) -> Unfit | None:
    """None of what is fit, and of what is no ARN at all, which the grammar refuses. Of an ARN with fewer parts only
    those that are there are looked at; IAM completes it, but not in a session policy ("Identify AWS resources with
    Amazon Resource Names")."""
    parts = arn_parts(text)
    if len(parts) == 1 or parts[0] != "arn":
        return None
    if len(parts) < ARN_PARTS and policy_type is PolicyType.SESSION:
        return Unfit("MISSING_ARN_FIELD", sentences.no_arn(text), "it lacks parts")
    complete = [*parts, *("*" * (ARN_PARTS - len(parts)))]
    _, given, service, region, account, resource = complete
    if not overlap(given, partition):
        sentence = f'Partition "{given}" is not valid for resource "{":".join(complete)}".'
        return Unfit("INVALID_PARTITION", sentence, f"expected {partition}")
    if len(parts) < ARN_PARTS:
        # The star that ends `arn:aws:iam:*` stands for all the parts that are left.
        region = region.strip("*")
    if not _ACCOUNT.fullmatch(account) and (service in _OF_IAM or not _OWNER.fullmatch(account)):
        detail = f"expected twelve digits as the account in {text}, got {account}"
        return Unfit("INVALID_ARN_ACCOUNT", sentences.LEGACY_PARSING, detail)
    return _unfit_in_service(text, service, region, account, resource)


def _unfit_in_service(text: str, service: str, region: str, account: str, resource: str) -> Unfit | None:
    if service == "iam":
        if region:
            return Unfit("ARN_REGION_NOT_ALLOWED", f"IAM resource {text} cannot contain region information.")
        if resource not in {"*", "root"} and not resource.startswith((*_IAM_TYPES, *_UNTOLD_IAM_TYPES)):
            sentence = f'IAM resource path must either be "*", root, or start with {", ".join(_IAM_TYPES)}.'
            return Unfit("INVALID_ARN_RESOURCE", sentence, f"got {text}")
    has_region = bool(region.strip("*"))
    if has_region and (service == "route53" or (service == "s3" and not _can_be_regional(resource))):
        return Unfit("ARN_REGION_NOT_ALLOWED", f"Resource {text} can not contain region information.")
    if service == "route53" and account.strip("*"):
        return Unfit("ARN_ACCOUNT_NOT_ALLOWED", f"Resource {text} cannot contain an account id.")
    return None


def _can_be_regional(resource: str) -> bool:
    """Whether it can be something of S3 that is in a Region, as buckets and objects are not."""
    pattern = _VARIABLE.sub("*", resource)
    return any(overlap(pattern, regional) for regional in _REGIONAL_TYPES_OF_S3)


def _refuse_strange_principals(principals: Principals, where: str, partition: str, policy_type: PolicyType) -> None:
    """Services in trust policies apart: which there are, the installation knows."""
    element = f"{where}.{'NotPrincipal' if principals.negated else 'Principal'}"
    kinds = {name: kind for kind, name in principals.names}
    for text in principals.texts:
        kind = kinds.get(text, "AWS")
        strange = kind == "Service" and policy_type is not PolicyType.TRUST and not SERVICE_PRINCIPAL.fullmatch(text)
        strange |= ":saml-provider/" in text and not _SAML_PROVIDER.fullmatch(text)
        if strange or (text.startswith("arn:") and arn_parts(text)[1] != partition):
            refuse_principal(element, kind, text)


def _refuse_other_actions(statement: Statement, where: str) -> None:
    if statement.actions.negated:
        return
    for action in statement.actions.texts:
        if not any(overlap(action.lower(), known) for known in _TRUST_ACTIONS):
            refuse(sentences.TRUST_ACTIONS_ONLY, f"{where}.Action", f'got "{action}"')
