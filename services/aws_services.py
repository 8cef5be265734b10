"""The services of AWS that this server answers: what start-up, the protocols and the credential scope go by."""

from collections.abc import Iterable
from typing import Any

from botocore.model import ServiceModel

from services import (
    access_analyzer,
    account_management,
    aws_config,
    cloudtrail,
    ec2,
    iam,
    organizations,
    refused_operations,
    security_hub,
    sts,
)
from services.wire import protocols
from services.wire.model import load_model
from services.wire.model_protocol import ModelProtocol
from services.wire.operations import import_modules

SERVICES = {
    "accessanalyzer": access_analyzer,
    "account": account_management,
    "cloudtrail": cloudtrail,
    "config": aws_config,
    "ec2": ec2,
    "iam": iam,
    "organizations": organizations,
    "securityhub": security_hub,
    "sts": sts,
}
"""Packages of operations, by botocore's directories. Everything else about a service, its model says."""

REGISTERED = (refused_operations,)
"""What importing registers."""

for _package in (protocols, *SERVICES.values()):
    import_modules(_package)


def aws_protocols() -> tuple[ModelProtocol[Any, Any], ...]:
    return protocols_for(map(load_model, SERVICES))


def protocols_for(models: Iterable[ServiceModel]) -> tuple[ModelProtocol[Any, Any], ...]:
    """Those that the services speak, in the order in which a server asks them.

    Raises TypeError for a service whose protocol has no module.
    """
    described: dict[type[ModelProtocol[Any, Any]], list[Any]] = {}
    for model in models:
        protocol = ModelProtocol.by_name.get(model.metadata["protocol"])
        if protocol is None:
            raise TypeError(f"{model.signing_name} speaks {model.metadata['protocol']}, for which there is no module.")
        described.setdefault(protocol, []).append(protocol.service_model(model))
    found = [protocol(services) for protocol, services in described.items()]
    return tuple(sorted(found, key=lambda protocol: protocol.is_fallback))
