"""Lints what a statement's conditions say: operators, keys, values, and whether they can hold together."""

from collections.abc import Callable, Collection, Generator, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from domain.policy.catalogue import (
    CROSS_SERVICE_CONDITION_KEYS,
    GLOBAL_CONDITION_KEYS,
    ActionCatalogue,
    CatalogueAction,
    Service,
    named,
)
from domain.policy.conditions import binary, instant, number
from domain.policy.lint.actions import matched
from domain.policy.lint.findings import Finding, error, refusal, security_warning, suggestion, warning
from domain.policy.lint.parsed import ListedText, ParsedCondition, ParsedStatement

_COMPARISONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_OPERATORS = {
    "String": ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"),
    "Numeric": _COMPARISONS,
    "Date": _COMPARISONS,
    "Bool": ("",),
    "Binary": ("Equals",),
    "Arn": ("Equals", "Like", "NotEquals", "NotLike"),
}
KINDS = {f"{kind}{comparison}": kind for kind, comparisons in _OPERATORS.items() for comparison in comparisons}
KINDS |= {"IpAddress": "IpAddress", "NotIpAddress": "IpAddress", "Null": "Null"}
"""What an operator compares."""
_FITTING = {
    "String": {"String"},
    # "String operators … can also be used with ARN keys": the global keys' page compares ARNs both ways.
    "ARN": {"Arn", "String"},
    "Numeric": {"Numeric"},
    "Date": {"Date", "Numeric"},
    "Bool": {"Bool"},
    "IPAddress": {"IpAddress"},
    "Binary": {"Binary"},
}
_QUANTIFIERS = {"", "ForAllValues", "ForAnyValue"}
_PREFIXES_OF_PROVIDERS = {"saml", "cognito-identity-auth", "cognito-identity-unauth", "identitycenter", "catalog"}


def condition_findings(statement: ParsedStatement, catalogue: ActionCatalogue) -> Iterator[Finding]:
    conditions = list(statement.conditions())
    seen: dict[tuple[str, str], ParsedCondition] = {}
    for condition in conditions:
        block = condition.path[-2]
        if (str(block), condition.key) in seen:
            message = f"{condition.path[-1]} appears twice under {block}, in different case; names of keys ignore case."
            yield error("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", message, condition.path)
        seen[str(block), condition.key] = condition
        yield from _operator_findings(condition)
        type_ = yield from _key_findings(condition, catalogue)
        if type_ is not None and condition.operator in KINDS:
            yield from _type_findings(condition, type_)
            yield from _quantifier_findings(condition, type_, statement, conditions)
        yield from _value_findings(condition)


def unsupported_keys(statement: ParsedStatement, catalogue: ActionCatalogue) -> Iterator[Finding]:
    """Conditions on what no request for the statement's actions brings."""
    conditions = list(statement.conditions())
    actions = _actions(statement, catalogue) if conditions else None
    if actions is not None:
        for condition in conditions:
            yield from _support_findings(condition, statement, actions)


def _operator_findings(condition: ParsedCondition) -> Iterator[Finding]:
    written = str(condition.path[-2])
    if condition.operator not in KINDS or condition.quantifier not in _QUANTIFIERS:
        yield refusal("INVALID_CONDITION_OPERATOR", f"There is no operator {written}.", condition.path)
    if condition.operator == "Null" and condition.if_exists:
        message = "Null asks whether there is a value; IfExists has no meaning for it."
        yield refusal("NULL_WITH_IF_EXISTS", message, condition.path)
    if condition.operator == "Null" and condition.quantifier:
        message = f"Null with {condition.quantifier} always says the same; leave {condition.quantifier} out."
        yield suggestion("NULL_WITH_QUALIFIER", message, condition.path)


def _key_findings(condition: ParsedCondition, catalogue: ActionCatalogue) -> Generator[Finding, None, str | None]:
    """Returns the key's type; None where it is not known."""
    key, written = condition.key, condition.path[-1]
    prefix, colon, name = key.partition(":")
    if not colon or not prefix or not name:
        message = f"{written} is no service:keyname."
        yield refusal("INVALID_CONDITION_KEY_FORMAT", message, condition.path)
        return None
    if key in CROSS_SERVICE_CONDITION_KEYS:
        return CROSS_SERVICE_CONDITION_KEYS[key]
    if "." in prefix or "/" in prefix or prefix in _PREFIXES_OF_PROVIDERS:
        # What an identity provider says of its users is the provider's.
        return None
    if prefix == "aws":
        keys, code, whose = GLOBAL_CONDITION_KEYS, "INVALID_GLOBAL_CONDITION_KEY", "There is no global condition key"
    elif (service := catalogue.service(prefix) if prefix in catalogue.services else None) is not None:
        keys, code, whose = service.condition_keys, "INVALID_SERVICE_CONDITION_KEY", f"{prefix} has no condition key"
    else:
        message = f"No service {prefix} is known here, whose condition key {written} would be."
        yield warning("UNKNOWN_SERVICE_IN_CONDITION_KEY", message, condition.path)
        return None
    pattern = named(key, keys)
    if pattern is None:
        if f"{key}/*" in keys or f"{key.removesuffix('/')}/*" in keys:
            message = f"{written} needs the key of a tag: {str(written).removesuffix('/')}/tag-key."
            yield error("MISSING_TAG_KEY_IN_CONDITION", message, condition.path)
        elif key == "aws:arn":
            message = "aws:ARN is of the past; it is aws:PrincipalArn or aws:SourceArn now."
            yield error("UNSUPPORTED_GLOBAL_CONDITION_KEY", message, condition.path)
        else:
            yield error(code, f"{whose} {written}.", condition.path)
        return None
    return keys[pattern]


def _type_findings(condition: ParsedCondition, type_: str) -> Iterator[Finding]:
    kind = KINDS[condition.operator]
    fitting = _FITTING.get(type_.removeprefix("ArrayOf"))
    if kind != "Null" and fitting is not None and kind not in fitting:
        message = f"{condition.path[-1]} is of the type {type_}; {condition.operator} does not compare such values."
        yield warning("TYPE_MISMATCH", message, condition.path)
    if type_ == "Bool" and kind == "Bool" and len(condition.values) > 1:
        yield error("INVALID_CONDITION_MULTIPLE_BOOLEAN", "One Boolean is enough: true or false.", condition.path)


def _quantifier_findings(
    condition: ParsedCondition, type_: str, statement: ParsedStatement, conditions: list[ParsedCondition]
) -> Iterator[Finding]:
    written = condition.path[-1]
    if condition.operator == "Null":
        return
    if type_.startswith("ArrayOf"):
        if not condition.quantifier:
            message = f"{written} has several values; say ForAllValues:{condition.operator} or ForAnyValue:…"
            yield error("MISSING_QUALIFIER", message, condition.path)
        elif condition.quantifier == "ForAllValues" and statement.allows:
            is_asked_for = any(
                other.operator == "Null" and other.key == condition.key and other.texts == ("false",)
                for other in conditions
            )
            if not is_asked_for:
                message = f'ForAllValues holds without {written} too; add "Null": {{"{written}": "false"}}.'
                yield warning("FORALLVALUES_WITHOUT_NULL_CHECK", message, condition.path)
    elif condition.quantifier == "ForAllValues":
        message = f"{written} has one value, and ForAllValues holds without it too; leave ForAllValues out."
        warn = security_warning if statement.allows else warning
        yield warn("FORALLVALUES_WITH_SINGLE_VALUED_KEY", message, condition.path)


def _value_findings(condition: ParsedCondition) -> Iterator[Finding]:
    kind = KINDS.get(condition.operator)
    if not condition.values:
        suffix = {"ForAllValues": "_FORALLVALUES", "ForAnyValue": "_FORANYVALUE"}.get(condition.quantifier, "")
        suffix = suffix or ("_IFEXISTS" if condition.if_exists else "")
        message = f"{condition.path[-1]} is compared with nothing; list values, or ask with Null whether it is there."
        yield suggestion(f"EMPTY_ARRAY_CONDITION{suffix}", message, condition.path)
    for value in condition.values:
        if "${" in value.text:
            if kind not in {"String", "Arn", None}:
                message = f"{condition.operator} knows no variables; operators on texts and ARNs do."
                yield refusal("INVALID_VARIABLE_FOR_OPERATOR", message, value.path)
            continue
        yield from _one_value(condition, kind, value)


def _one_value(condition: ParsedCondition, kind: str | None, value: ListedText) -> Iterator[Finding]:
    text = value.text
    match kind:
        case "Bool" | "Null" if text.lower() not in {"true", "false"}:
            yield warning("TYPE_MISMATCH_BOOLEAN", f'"{text}" is neither true nor false.', value.path)
        case "Numeric" if not _is_a(number, text):
            yield warning("TYPE_MISMATCH_NUMBER", f'"{text}" is no number.', value.path)
        case "Date" if not _is_a(instant, text):
            yield warning("TYPE_MISMATCH_DATE", f'"{text}" is no date such as 2020-01-31T23:59:59Z.', value.path)
        case "Date" if text.isdigit() and len(text) > 4:  # noqa: PLR2004  a year has four
            message = f"{text} is in seconds since 1970; a date such as 2020-01-31T23:59:59Z says when it is."
            yield warning("INVALID_DATE_VALUE", message, value.path)
        case "IpAddress":
            yield from _address_findings(value)
        case "Binary" if not _is_a(binary, text):
            yield warning("TYPE_MISMATCH_STRING", f'"{text}" is not in base64.', value.path)
        case "String" if "Like" not in condition.operator and ("*" in text or "?" in text):
            message = f"* and ? are wildcards to StringLike and StringNotLike only, not to {condition.operator}."
            yield warning("WILDCARD_WITHOUT_LIKE_OPERATOR", message, value.path)


def _address_findings(value: ListedText) -> Iterator[Finding]:
    network = _network(value.text)
    if network is None:
        message = f'"{value.text}" is no address or range such as 203.0.113.0/24.'
        yield warning("TYPE_MISMATCH_IP_RANGE", message, value.path)
    elif "/" in value.text and _network(value.text, strict=True) is None:
        message = f"The bits behind the mask of {value.text} count for nothing: it is {network}."
        yield suggestion("IMPROVE_IP_RANGE", message, value.path)


def _network(text: str, *, strict: bool = False) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=strict)
    except ValueError:
        return None


def _is_a(kind: Callable[[str], object], text: str) -> bool:
    """As the evaluator reads it."""
    try:
        kind(text)
    except ValueError:
        return False
    return True


Actions = Collection[tuple[Service, CatalogueAction]]


def _actions(statement: ParsedStatement, catalogue: ActionCatalogue) -> Actions | None:
    """Every action that the statement means; None when they are not all known."""
    if "Action" not in statement.elements:
        return None
    found: dict[tuple[str, str], tuple[Service, CatalogueAction]] = {}
    for item in statement.listed("Action"):
        meant = matched(item, catalogue)
        if meant is None:
            return None
        service, actions = meant
        found |= {(service.prefix, action.name): (service, action) for action in actions}
    return found.values()


def _support_findings(condition: ParsedCondition, statement: ParsedStatement, actions: Actions) -> Iterator[Finding]:
    """A key of a service, or a resource's tag, that no request for these actions brings."""
    key, written = condition.key, condition.path[-1]
    prefix = key.partition(":")[0]
    if not actions or key in CROSS_SERVICE_CONDITION_KEYS:
        return
    if key.startswith("aws:resourcetag/"):
        without = sorted({service.prefix for service, _ in actions if named(key, service.condition_keys) is None})
        if without and not condition.if_exists:
            message = f"Requests to {', '.join(without)} do not bring {written}, so they do not match this condition."
            if statement.allows:
                yield suggestion("ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", message, condition.path)
            else:
                yield security_warning("DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", message, condition.path)
        return
    services = {service.prefix: service for service, _ in actions}
    if prefix not in services or named(key, services[prefix].condition_keys) is None:
        return
    if not any(service.has(action, key) for service, action in actions):
        message = f"No request for the actions of this statement brings {written}."
        yield warning("UNSUPPORTED_CONDITION_KEY_FOR_ACTION", message, condition.path)
