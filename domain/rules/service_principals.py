"""Services that roles can trust: those of AWS that are known, and the operator's own, which are registered
(docs/adr/0049)."""

import re
from collections.abc import Callable
from typing import Final

from domain.foundation.errors import EntityAlreadyExists, MalformedPolicyDocument, NoSuchEntity, ValidationError
from domain.foundation.suggested_commands import suggested_command
from domain.installation import Installation, ServicePrincipalDeregistered, ServicePrincipalRegistered
from domain.policy import invalid_principal
from domain.policy.service_principals import is_of_aws

SERVICE_NAME_CHARACTERS_MAX: Final = 253
"""Of a domain name (RFC 1035, 2.3.4)."""
_SERVICE_NAME = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+")
IsRegistered = Callable[[str], bool]


def refuse_unknown_service(name: str, partition: str, is_registered: IsRegistered) -> None:
    """Raises MalformedPolicyDocument."""
    if not is_of_aws(name, partition) and not is_registered(name):
        command = suggested_command("muniment", "service-principal", "register", name)
        raise MalformedPolicyDocument(
            invalid_principal("SERVICE", name),
            f"no service of this name is known here; the operator can register one: {command}",
        )


def register(installation: Installation, *, name: str, access_key_id: str) -> ServicePrincipalRegistered:
    """The service assumes roles with that key. Raises ValidationError and EntityAlreadyExists."""
    if len(name) > SERVICE_NAME_CHARACTERS_MAX or not _SERVICE_NAME.fullmatch(name):
        raise ValidationError(f"Expected the domain name of a service, such as backup.example.com; got {name}.")
    if name in installation.service_principals:
        raise EntityAlreadyExists(f"The service {name} is registered already.")
    return ServicePrincipalRegistered(service_name=name, service_access_key_id=access_key_id)


def deregister(installation: Installation, *, name: str) -> ServicePrincipalDeregistered:
    """Raises NoSuchEntity."""
    registered = installation.service_principals.get(name)
    if registered is None:
        raise NoSuchEntity(f"The service {name} is not registered.")
    return ServicePrincipalDeregistered(service_name=name, service_access_key_id=registered.access_key_id)
