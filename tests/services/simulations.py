"""Simulations of one action, as a stock client asks for them."""

from typing import Any

from tests.services.endpoint import Endpoint


def entry(name: str, kind: str, *values: str) -> dict[str, object]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": values}


def custom(endpoint: Endpoint, *policies: str, **members: object) -> Any:
    """The only result."""
    (result,) = endpoint.call(endpoint.root, "SimulateCustomPolicy", PolicyInputList=policies, **members)[
        "EvaluationResults"
    ]
    return result


def principal(endpoint: Endpoint, source: str, **members: object) -> Any:
    """The only result."""
    (result,) = endpoint.call(endpoint.root, "SimulatePrincipalPolicy", PolicySourceArn=source, **members)[
        "EvaluationResults"
    ]
    return result
