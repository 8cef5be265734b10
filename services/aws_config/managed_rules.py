"""AWS Config's managed rules for IAM, each a control of the framework aws-config; and pages of what is told of them."""

import base64
import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from domain.account import Account
from domain.calls import Call
from domain.compliance.frameworks import Control, find_framework
from domain.families.compliance_frameworks import ParameterValue
from domain.families.resource_compliance import ControlName
from domain.foundation.errors import Refusal
from domain.foundation.identifiers import arn
from services.wire.input_shapes import excerpt
from services.wire.list_pages import ListPage
from services.wire.operations import Parameters, TargetResource

SERVICE = "config"
FRAMEWORK = "aws-config"
RULES_A_PAGE = 100
"""AWS names no limit where a request cannot."""


class InvalidNextTokenException(Refusal): ...


class InvalidParameterValueException(Refusal): ...


class NoSuchConfigRuleException(Refusal): ...


def rules(names: Sequence[str] | None = None) -> list[Control]:
    """Those of these names, or all. Raises NoSuchConfigRuleException."""
    known = {control.id: control for control in find_framework(FRAMEWORK).controls}
    for name in names or ():
        if name not in known:
            raise NoSuchConfigRuleException(
                f"The ConfigRule '{excerpt(name)}' provided in the request is invalid. "
                "Please check the configRule name",
                f"expected one of {', '.join(known)}",
            )
    return [known[name] for name in sorted(set(names or known))]


def control_names(chosen: Iterable[Control]) -> list[ControlName]:
    return [(FRAMEWORK, control.id) for control in chosen]


def rule_id(account: Account, name: str) -> str:
    """The same wherever it is asked for."""
    digest = sha256(f"{account.id} {name}".encode()).digest()
    return f"config-rule-{base64.b32encode(digest)[:6].decode().lower()}"


def rule_arn(account: Account, call: Call, name: str) -> str:
    resource = f"config-rule/{rule_id(account, name)}"
    return arn(account.partition, SERVICE, account.id, resource, call.cause.region or "")


def on_rule(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    """Whether there is one of this name or not."""
    return TargetResource.of_arn(rule_arn(account, call, parameters["config_rule_name"]))


def input_parameters(control: Control) -> str:
    """As AWS Config has them: JSON, under its names, each value a text and lists with commas. What is left empty is not
    looked at, and left out."""
    values = dict(control.criteria[0].parameters) if control.criteria else {}
    named = {name: _text(values[own]) for name, own in control.definition.config_parameters.items()}
    return json.dumps({name: text for name, text in named.items() if text})


def _text(value: ParameterValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value else ""
        case str():
            return value
        case _:
            return ",".join(value)


def page(operation: str, *of: object, size: int = RULES_A_PAGE, token: str | None) -> ListPage:
    """Raises InvalidNextTokenException."""
    try:
        return ListPage.asked(operation, *of, size=size, next_member="NextToken", token=token)
    except ValueError:
        raise InvalidNextTokenException(
            "The specified next token is not valid.", "expected that of the page before, of the same list"
        ) from None
