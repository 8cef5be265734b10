"""Refusals, and faults of our own, as clients of rest-json services read them.

A refusal is recorded under one name, whatever the protocol; here it gets the name that these clients know
(https://docs.aws.amazon.com/access-analyzer/latest/APIReference/CommonErrors.html, and the services' models, which
win).
"""

import json
from dataclasses import dataclass

from domain.errors import Refusal
from services.wire.gate import Rendered
from services.wire.rest_model import RestService


@dataclass(frozen=True, slots=True)
class Known:
    code: str
    status: int
    reason: str | None = None
    """Of a ValidationException, where the service's model has it tell one."""


KNOWN = {
    "AccessDenied": Known("AccessDeniedException", 403),
    "ExpiredToken": Known("ExpiredTokenException", 403),
    "IncompleteSignature": Known("IncompleteSignature", 403),
    "InvalidAction": Known("UnknownOperationException", 404),
    "InvalidClientTokenId": Known("UnrecognizedClientException", 403),
    "MalformedBody": Known("ValidationException", 400, "cannotParse"),
    "MalformedQueryString": Known("MalformedHttpRequestException", 400),
    # The page lists neither this one nor that of a wrong signature; SDKs know them, and correct their clock by the
    # second (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
    "MissingAuthenticationToken": Known("MissingAuthenticationTokenException", 403),
    "SignatureDoesNotMatch": Known("InvalidSignatureException", 403),
    "RequestEntityTooLarge": Known("RequestEntityTooLargeException", 413),
    "RequestTimeout": Known("RequestTimeoutException", 408),
    "ServiceFailure": Known("InternalServerException", 500),
    "ServiceUnavailable": Known("ServiceUnavailable", 503),
    "Throttling": Known("ThrottlingException", 429),
    "UnknownPath": Known("UnknownOperationException", 404),
    "ValidationError": Known("ValidationException", 400, "fieldValidationFailed"),
}
"""By the name under which it is recorded."""


def render(refusal: Refusal, service: RestService | None) -> Rendered:
    """The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither known to all nor in the service's model, a defect as in `errors.render`.
    """
    declared = service.error_status(refusal.code) if service else None
    known = KNOWN.get(refusal.code) or (Known(refusal.code, declared) if declared else None)
    if known is None:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    error = {"__type": known.code, "message": refusal.message}
    if known.reason and service and service.has_member(known.code, "reason"):
        error["reason"] = known.reason
    headers = ((b"x-amzn-errortype", known.code.encode("ascii")),)
    return Rendered(known.status, json.dumps(error).encode(), headers)
