"""Refusals that no rule makes: requests that cannot be read, and faults of our own."""

from domain.foundation.errors import Refusal


class MalformedQueryString(Refusal):
    """The body or the query string is not a form that can be read in one way only."""


class MalformedBody(Refusal):
    """The body is no JSON, or none that can be read in one way only."""


class RequestEntityTooLarge(Refusal):
    """The body is longer than any request of these services."""


class RequestTimeout(Refusal):
    """The request did not arrive in time."""


class UnknownPath(Refusal):
    """Nothing is answered there."""


class UnsupportedService(Refusal):
    """A service of AWS that is not here. Its clients do not try again."""


class ServiceUnavailable(Refusal):
    """We cannot do the work now, such as without a database. Clients try again."""


class ServiceFailure(Refusal):
    """A defect of ours."""


COMMON_ERROR_STATUSES = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "IncompleteSignature": 400,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidParameterValue": 400,
    "LimitExceeded": 409,
    "MalformedQueryString": 404,
    "MissingAction": 400,
    "MissingAuthenticationToken": 403,
    "MissingParameter": 400,
    "RequestEntityTooLarge": 413,
    "RequestTimeout": 408,
    "ServiceFailure": 500,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "Throttling": 400,
    "UnknownPath": 404,
    "UnsupportedService": 400,
    "ValidationError": 400,
}
"""HTTP status of the codes that any call may be answered with and no model lists
(https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)."""
