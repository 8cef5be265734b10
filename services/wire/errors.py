"""Refusals, and faults of our own, as the error documents that AWS's clients read."""

from typing import TYPE_CHECKING

from domain.foundation.errors import Refusal
from services.wire.xml_output import escape_xml

if TYPE_CHECKING:
    from services.wire.model import QueryServiceModel


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


class ServiceUnavailable(Refusal):
    """We cannot do the work now, such as without a database. Clients try again."""


class ServiceFailure(Refusal):
    """A defect of ours."""


_SERVER_FAULT = 500

COMMON_ERROR_STATUSES = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "IncompleteSignature": 400,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
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
    "ValidationError": 400,
}
"""HTTP status of the codes that any call may be answered with and no model lists
(https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)."""


def render(refusal: Refusal, *, service: "QueryServiceModel | None", request_id: str) -> tuple[int, bytes]:
    """HTTP status and document of a refusal; the service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither common nor in the service's model: a rule that refuses with a code
    which its clients cannot know is a defect.
    """
    status = COMMON_ERROR_STATUSES.get(refusal.code) or (service and service.error_status(refusal.code))
    if not status:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    return status, _document(status, refusal.code, refusal.message, service.namespace if service else None, request_id)


def _document(status: int, code: str, message: str, namespace: str | None, request_id: str) -> bytes:
    fault = "Receiver" if status >= _SERVER_FAULT else "Sender"
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    return (
        f"<ErrorResponse{xmlns}><Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape_xml(message)}</Message>"
        f"</Error><RequestId>{escape_xml(request_id)}</RequestId></ErrorResponse>"
    ).encode()
