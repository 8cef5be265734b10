"""Services of AWS that are not here. Their clients are told so, each in the form in which it reads errors, once their
signature was found right (docs/adr/0035)."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.foundation.errors import Refusal, SignatureDoesNotMatch
from services.wire import json_errors
from services.wire.canonical import PAYLOAD_HEADER, SIGNED_LIKE_S3
from services.wire.errors import UnsupportedService
from services.wire.input_shapes import excerpt
from services.wire.protocol import CommittedOutcome, ParsedRequest, RenderedRefusal, WireProtocol
from services.wire.protocols import query
from services.wire.raw_request import RawRequest
from services.wire.sigv4 import claimed_service, is_signed
from services.wire.time_travel import RequestPath
from services.wire.xml_output import escape_xml

_OTHERS_IN_REST_XML: Final = frozenset({"cloudfront", "route53"})
"""Of botocore's models, all but those that sign for S3."""
_NAME = rb"([A-Za-z][A-Za-z0-9]{0,127})"
_NAMED_BY = (
    re.compile(rb"[A-Za-z0-9_.]*\." + _NAME),
    re.compile(rb"/service/[A-Za-z0-9_.]+/operation/" + _NAME),
    re.compile(rb"(?:.*&)?Action=" + _NAME + rb"(?:&.*)?", re.DOTALL),
    re.compile(rb"(?:.*&)?Action=" + _NAME + rb"(?:&.*)?", re.DOTALL),
)
"""Where a request may name its operation: X-Amz-Target, path, body and query string."""


class ErrorForm(NamedTuple):
    """How the clients of one protocol read errors."""

    fits: Callable[[str, RawRequest], bool]
    """Takes the service in the credential scope, empty without one."""
    content_type: str
    render: Callable[[Refusal, str], RenderedRefusal]
    """Takes the request id besides."""


class AbsentServices(WireProtocol[None]):
    """Asked first: what is signed for a service that none of the others serves. And what is not signed, is served by
    none of them, and is in a protocol of AWS that has operations without a signature."""

    services = ()

    def __init__(self, served: Sequence[WireProtocol[Any]], form: ErrorForm | None = None) -> None:
        self._served = served
        self._form = form or _FORMS[-1]
        self._here = sorted({service for protocol in served for service in protocol.services})
        self.content_type = self._form.content_type

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        service = claimed_service(request)
        if service is not None:
            return service not in self._here
        unsigned = _target(request) or _is_json(request) or request.header("x-amz-sso_bearer_token")
        return (
            bool(unsigned)
            and not is_signed(request)
            and not any(protocol.serves(request, path) for protocol in self._served)
        )

    def speaking_to(self, request: RawRequest) -> "AbsentServices":
        service = claimed_service(request) or ""
        return AbsentServices(self._served, next(form for form in _FORMS if form.fits(service, request)))

    def needs_body(self, request: RawRequest) -> bool:
        """Nobody reads it, but where nothing else tells, it is what was signed."""
        declared = any(name == PAYLOAD_HEADER for name, _ in request.headers)
        return not declared and claimed_service(request) not in SIGNED_LIKE_S3

    def require_signed_for(self, service: str) -> None:
        if service in self._here:
            raise SignatureDoesNotMatch("Credential should be scoped to one service alone.")

    def refuse_unsigned(self, request: RawRequest, _path: bytes) -> None:
        # A path is not repeated: refusals are recorded, and it may hold a secret.
        target = _target(request)
        named = _NAMED_BY[0].fullmatch(target.encode("latin-1"))
        raise self._refusal(f"the operation {excerpt(target)}" if named else "an operation at this path")

    def read(self, request: RawRequest, path: bytes, service: str, _now: datetime) -> ParsedRequest[None]:
        sources = (_target(request).encode("latin-1"), path, request.body, request.query)
        named = (pattern.fullmatch(source) for pattern, source in zip(_NAMED_BY, sources, strict=True))
        name = next((found[1].decode("ascii") for found in named if found), "")
        return ParsedRequest(name, None, {}, self._refusal(f"the service {service}"))

    def _refusal(self, absent: str) -> UnsupportedService:
        *others, last = self._here
        return UnsupportedService(f"This server does not have {absent}. It has {', '.join(others)} and {last}.")

    async def write(self, _shape: None, _committed: CommittedOutcome) -> bytes:
        raise AssertionError("Every request is refused.")

    def refuse(self, refusal: Refusal, _service: str | None, request_id: str) -> RenderedRefusal:
        return self._form.render(refusal, request_id)


def _target(request: RawRequest) -> str:
    return request.header("x-amz-target") or ""


def _content_type(request: RawRequest) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _is_json(request: RawRequest) -> bool:
    return _content_type(request) == "application/json"


def _is_form(request: RawRequest) -> bool:
    return _content_type(request) == "application/x-www-form-urlencoded" or (
        request.raw_path == b"/" and _NAMED_BY[-1].fullmatch(request.query) is not None
    )


def _is_control_api_of_s3(request: RawRequest) -> bool:
    return request.header("x-amz-account-id") is not None


def _query(refusal: Refusal, request_id: str) -> RenderedRefusal:
    return query.render(refusal, None, request_id)


def _json(refusal: Refusal, _request_id: str) -> RenderedRefusal:
    return json_errors.render(refusal, None)


def _s3(refusal: Refusal, request_id: str) -> RenderedRefusal:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refusal.code}</Code>'
        f"<Message>{escape_xml(refusal.message)}</Message><RequestId>{request_id}</RequestId></Error>"
    )
    headers = ((b"x-amz-request-id", request_id.encode("ascii")),)
    return RenderedRefusal(query.error_kind(refusal, None)[0], document.encode(), headers)


def _cbor(refusal: Refusal, request_id: str) -> RenderedRefusal:
    """A map of two texts (RFC 8949), for https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html"""
    status, body, headers = _json(refusal, request_id)
    document = b"\xa2" + b"".join(_cbor_text(part) for pair in json.loads(body).items() for part in pair)
    return RenderedRefusal(status, document, (*headers, (b"smithy-protocol", b"rpc-v2-cbor")))


def _cbor_text(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    return b"\x7a" + len(encoded).to_bytes(4) + encoded


_FORMS: Final = (
    ErrorForm(lambda service, it: service in SIGNED_LIKE_S3 and not _is_control_api_of_s3(it), "application/xml", _s3),
    ErrorForm(lambda service, _: service in SIGNED_LIKE_S3 | _OTHERS_IN_REST_XML, "text/xml", _query),
    ErrorForm(lambda _, it: it.header("smithy-protocol") == "rpc-v2-cbor", "application/cbor", _cbor),
    *(
        ErrorForm(lambda _, it, kind=kind: _content_type(it) == kind, kind, render)  # type: ignore[misc]
        for kind, render in (
            ("application/x-amz-cbor-1.1", _cbor),
            ("application/x-amz-json-1.0", _json),
            ("application/x-amz-json-1.1", _json),
        )
    ),
    ErrorForm(lambda _, it: _is_form(it), "text/xml", _query),
    ErrorForm(lambda _service, _: True, "application/json", _json),
)
"""The first that fits is the client's."""
