"""Services of the operator's own, registered, listed and deregistered: acts of the operator, in the installation's
ledger."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.calls import ApiCalled, NewSecret
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import ACCESS_KEY, INSTALLATION, new_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.installation import RegisteredService
from domain.rules import service_principals as rules
from services.accounts import installation_in, look_up, operator_cause
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates


@dataclass(frozen=True, slots=True)
class ServiceKey:
    service_name: str
    access_key_id: str
    secret: Secret = field(repr=False)


def register_service(committer: Committer, name: str) -> ServiceKey:
    """With a key that can be used at once. Raises ValidationError, EntityAlreadyExists, and NoSuchEntity where nothing
    was founded yet."""
    cause = operator_cause("RegisterServicePrincipal")
    key_id = new_access_key_id(ACCESS_KEY, INSTALLATION, secrets.token_bytes)
    key = ServiceKey(name, key_id, Secret(base64.b64encode(secrets.token_bytes(30)).decode("ascii")))

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        installation = installation_in(values)
        if not installation.exists:
            raise NoSuchEntity("There is no account yet that a service could assume a role in.")
        registered = rules.register(installation, name=name, access_key_id=key_id)
        sealed = NewSecret(SecretId(SecretKind.ACCESS_KEY, key_id), name, key.secret)
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [registered, _called(name)], new_secrets=[sealed])])

    committer.decide(frozenset({INSTALLATION}), decide)
    return key


def deregister_service(committer: Committer, name: str) -> str:
    """Its key, which is told, is destroyed. Raises NoSuchEntity."""
    cause = operator_cause("DeregisterServicePrincipal")

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        gone = rules.deregister(installation_in(values), name=name)
        destroyed = [SecretId(SecretKind.ACCESS_KEY, gone.service_access_key_id)]
        appended = LedgerAppend(INSTALLATION, cause, [gone, _called(name)], destroyed_secrets=destroyed)
        return CallResult(gone.service_access_key_id, [appended])

    key_id: str = committer.decide(frozenset({INSTALLATION}), decide).result
    return key_id


def list_services(committer: Committer) -> Mapping[str, RegisteredService]:
    """By name. That somebody looked is recorded."""
    return look_up(committer, "ListServicePrincipals", lambda installation: installation.service_principals)


def _called(name: str) -> ApiCalled:
    return ApiCalled(read_only=False, parameters={"service_name": name})
