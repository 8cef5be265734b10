"""Refusals, as the clients of AWS's protocols of JSON read them."""

import json
from dataclasses import dataclass
from typing import Any

from domain.foundation.errors import AboutResource, Refusal
from services.wire.model import DescribedService
from services.wire.protocol import RenderedRefusal


@dataclass(frozen=True, slots=True)
class JsonError:
    """A refusal is recorded under one name, whatever the protocol; this is the name that clients of JSON protocols know
    (https://docs.aws.amazon.com/access-analyzer/latest/APIReference/CommonErrors.html, and the services' models, which
    win)."""

    code: str
    status: int
    reason: str | None = None
    """Of a ValidationException, where the service's model has it tell one."""
    otherwise: str | None = None
    """The code, where it is the one that the service's model declares."""


JSON_ERRORS = {
    "AccessDenied": JsonError("AccessDeniedException", 403),
    "ExpiredToken": JsonError("ExpiredTokenException", 403),
    "IncompleteSignature": JsonError("IncompleteSignature", 403),
    "InvalidAction": JsonError("UnknownOperationException", 404),
    "InvalidClientTokenId": JsonError("UnrecognizedClientException", 403),
    "MalformedBody": JsonError("ValidationException", 400, "cannotParse"),
    "MalformedQueryString": JsonError("MalformedHttpRequestException", 400),
    # The page lists neither this one nor that of a wrong signature; SDKs know them, and correct their clock by the
    # second (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
    "MissingAuthenticationToken": JsonError("MissingAuthenticationTokenException", 403),
    "SignatureDoesNotMatch": JsonError("InvalidSignatureException", 403),
    "RequestEntityTooLarge": JsonError("RequestEntityTooLargeException", 413),
    "RequestTimeout": JsonError("RequestTimeoutException", 408),
    "ServiceFailure": JsonError("InternalServerException", 500, otherwise="ServiceException"),
    "ServiceUnavailable": JsonError("ServiceUnavailable", 503),
    "Throttling": JsonError("ThrottlingException", 429, otherwise="TooManyRequestsException"),
    "UnknownPath": JsonError("UnknownOperationException", 404),
    "UnsupportedService": JsonError("UnsupportedService", 400),
    "ValidationError": JsonError("ValidationException", 400, "fieldValidationFailed", "InvalidInputException"),
}
"""By the name under which it is recorded."""


def render(refusal: Refusal, service: DescribedService[Any] | None) -> RenderedRefusal:
    """The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither known to all nor in the service's model, which is a defect.
    """
    declared = service.error_status(refusal.code) if service else None
    known = JSON_ERRORS.get(refusal.code) or (JsonError(refusal.code, declared) if declared else None)
    if known is None:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    otherwise = service and known.otherwise and service.error_status(known.otherwise)
    code = known.otherwise if otherwise and known.otherwise else known.code
    error = {"__type": code, "message": refusal.message}
    if known.reason and service and service.has_member(code, "reason"):
        error["reason"] = known.reason
    if isinstance(refusal, AboutResource):
        told = {"resourceId": refusal.resource_id, "resourceType": refusal.resource_type}
        error |= {name: value for name, value in told.items() if service and service.has_member(code, name)}
    headers = ((b"x-amzn-errortype", code.encode("ascii")),)
    return RenderedRefusal(known.status, json.dumps(error).encode(), headers)
