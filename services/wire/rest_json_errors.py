"""Refusals, and faults of our own, as clients of rest-json services read them.

A refusal is recorded under one name, whatever the protocol; here it gets the name that these clients know
(https://docs.aws.amazon.com/access-analyzer/latest/APIReference/CommonErrors.html, and the services' models, which
win).
"""

import json
from dataclasses import dataclass

from domain.foundation.errors import Refusal
from services.wire.request_pipeline import RenderedRefusal
from services.wire.rest_json_model import RestServiceModel


@dataclass(frozen=True, slots=True)
class RestError:
    code: str
    status: int
    reason: str | None = None
    """Of a ValidationException, where the service's model has it tell one."""


REST_ERRORS = {
    "AccessDenied": RestError("AccessDeniedException", 403),
    "ExpiredToken": RestError("ExpiredTokenException", 403),
    "IncompleteSignature": RestError("IncompleteSignature", 403),
    "InvalidAction": RestError("UnknownOperationException", 404),
    "InvalidClientTokenId": RestError("UnrecognizedClientException", 403),
    "MalformedBody": RestError("ValidationException", 400, "cannotParse"),
    "MalformedQueryString": RestError("MalformedHttpRequestException", 400),
    # The page lists neither this one nor that of a wrong signature; SDKs know them, and correct their clock by the
    # second (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
    "MissingAuthenticationToken": RestError("MissingAuthenticationTokenException", 403),
    "SignatureDoesNotMatch": RestError("InvalidSignatureException", 403),
    "RequestEntityTooLarge": RestError("RequestEntityTooLargeException", 413),
    "RequestTimeout": RestError("RequestTimeoutException", 408),
    "ServiceFailure": RestError("InternalServerException", 500),
    "ServiceUnavailable": RestError("ServiceUnavailable", 503),
    "Throttling": RestError("ThrottlingException", 429),
    "UnknownPath": RestError("UnknownOperationException", 404),
    "ValidationError": RestError("ValidationException", 400, "fieldValidationFailed"),
}
"""By the name under which it is recorded."""


def render(refusal: Refusal, service: RestServiceModel | None) -> RenderedRefusal:
    """The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither known to all nor in the service's model, a defect as in `errors.render`.
    """
    declared = service.error_status(refusal.code) if service else None
    known = REST_ERRORS.get(refusal.code) or (RestError(refusal.code, declared) if declared else None)
    if known is None:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    error = {"__type": known.code, "message": refusal.message}
    if known.reason and service and service.has_member(known.code, "reason"):
        error["reason"] = known.reason
    headers = ((b"x-amzn-errortype", known.code.encode("ascii")),)
    return RenderedRefusal(known.status, json.dumps(error).encode(), headers)
