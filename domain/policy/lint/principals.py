"""Lints whom a statement names: whether the services are known."""

from collections.abc import Iterator

from domain.policy.lint.findings import Finding, warning
from domain.policy.lint.parsed import ParsedStatement, listed
from domain.policy.saving import PARTITIONS
from domain.policy.service_principals import is_of_aws


def service_principal_findings(statement: ParsedStatement) -> Iterator[Finding]:
    """What is not one of AWS's may be one of the operator's."""
    for element in ("Principal", "NotPrincipal"):
        named = statement.elements.get(element)
        services = named.get("Service") if isinstance(named, dict) else None
        for item in listed(services, statement.at(element, "Service")):
            if not any(is_of_aws(item.text, partition) for partition in PARTITIONS):
                message = f"No service is known here whose principal is {item.text}; is it spelt right?"
                yield warning("UNKNOWN_SERVICE_PRINCIPAL", message, item.path)
