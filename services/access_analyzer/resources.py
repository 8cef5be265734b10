"""ARNs of what Access Analyzer's operations act on, whether it exists or not, and the condition keys that they bring.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiamaccessanalyzer.html
"""

from collections.abc import Mapping

from domain.account import Account
from domain.calls import Call
from domain.families.analyzers import Analyzer
from domain.rules import analyzers
from services.wire.operations import Parameters, TargetResource


def analyzer(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    """The one of the region that the call is made to."""
    return TargetResource.of_arn(_arn(account, call, parameters))


def archive_rule(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    rule = f"{_arn(account, call, parameters)}/archive-rule/{parameters['rule_name']}"
    return TargetResource.of_arn(rule)


def _arn(account: Account, call: Call, parameters: Parameters) -> str:
    named = parameters.get("analyzer_arn") or parameters.get("resource_arn")
    return named or analyzers.analyzer_arn(account, call.cause.region, parameters["analyzer_name"])


def request_tags(_account: Account, parameters: Parameters) -> Mapping[str, tuple[str, ...]]:
    tags: Mapping[str, str] = parameters.get("tags") or {}
    keys: dict[str, list[str]] = {}
    for key, value in tags.items():
        keys.setdefault(f"aws:requesttag/{key.lower()}", []).append(value)
    return {**{key: tuple(values) for key, values in keys.items()}, **({"aws:tagkeys": tuple(tags)} if tags else {})}


def request_tag_keys(_account: Account, parameters: Parameters) -> Mapping[str, tuple[str, ...]]:
    return {"aws:tagkeys": tuple(parameters["tag_keys"])}


def named_analyzer(account: Account, call: Call, name: str) -> Analyzer:
    """Raises ResourceNotFoundException."""
    return analyzers.find_analyzer(account, call.cause.region, analyzers.analyzer_arn(account, call.cause.region, name))


def analyzer_of(account: Account, call: Call, arn: str) -> Analyzer:
    """Raises ResourceNotFoundException."""
    return analyzers.find_analyzer(account, call.cause.region, arn)
