"""Lints whom a statement names: whether the services are known."""

from collections.abc import Iterator

from domain.policy.catalogue import ActionCatalogue
from domain.policy.lint.findings import Finding, warning
from domain.policy.lint.parsed import ParsedStatement, listed
from domain.policy.saving import SERVICE_PRINCIPAL

_OTHERS = frozenset(
    {
        *("airflow-env", "billingcb", "delivery", "ecs-tasks", "edgelambda", "email", "evidently", "lexv2", "macie"),
        *("monitoring", "prometheus", "spot", "spotfleet", "transitgateway", "vmie", "vpc-flow-logs", "alexa-appkit"),
        *("alexa-connectedhome", "opensearchservice", "replicator"),
    }
)
"""Names of services as principals that are no prefix of actions."""


def service_principal_findings(statement: ParsedStatement, catalogue: ActionCatalogue) -> Iterator[Finding]:
    """No list of service principals is complete: what is not known may be right, and is saved."""
    for element in ("Principal", "NotPrincipal"):
        named = statement.elements.get(element)
        services = named.get("Service") if isinstance(named, dict) else None
        for item in listed(services, statement.at(element, "Service")):
            found = SERVICE_PRINCIPAL.fullmatch(item.text)
            if found and not any(part in _OTHERS or part in catalogue.services for part in found["name"].split(".")):
                message = f"No service is known here whose principal is {item.text}; is it spelt right?"
                yield warning("UNKNOWN_SERVICE_PRINCIPAL", message, item.path)
