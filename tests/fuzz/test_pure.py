"""Any bytes: an answer or a refusal, in every layer that reads what a stranger or a caller wrote."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.foundation.errors import Refusal
from domain.foundation.moments import NamedMoment
from domain.policy.document import POLICY_TYPES, PolicyType, parse
from domain.policy.evaluate import Layer, Request, SourcedPolicy, evaluate
from domain.policy.principals import RequestPrincipal
from services.api.contract.questions import QUESTIONS
from services.api.server.native_protocol import NativeProtocol
from services.wire.absent_services import AbsentServices
from services.wire.call_record import storable_text
from services.wire.errors import UnsupportedService
from services.wire.operations import all_operations
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from tests.fuzz.bounds import EXAMPLES
from tests.fuzz.inputs import BODIES, DOCUMENTS, FORMS, TEXTS, encoded, percent
from tests.services.endpoint import PROTOCOLS

NOW = datetime(2026, 11, 24, tzinfo=UTC)
REST, AWS = PROTOCOLS["access-analyzer"], PROTOCOLS["iam"]
NATIVE = NativeProtocol.__new__(NativeProtocol)
ABSENT = AbsentServices((REST, AWS, NATIVE))
"""Reading needs none of what answers."""
OPERATIONS = [
    (operation.service, operation.name) for operation in all_operations() if operation.service in {*AWS.services, "ec2"}
]
VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}
TARGETED = PROTOCOLS["organizations"]
TARGETS = [b"AWSOrganizationsV20161128.ListPolicies", b"AWSOrganizationsV20161128.DescribeAccount", b"x"]

fuzzed = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@fuzzed
@given(operation=st.sampled_from(OPERATIONS), form=FORMS, query=st.just(b"") | FORMS)
def test_any_form_is_read_or_refused(operation: tuple[str, str], form: bytes, query: bytes) -> None:
    """The parser that the models drive, for every operation; a refusal can be rendered and recorded."""
    service, name = operation
    body = encoded([("Action", name), ("Version", VERSIONS[service])]) + (b"&" + form if form else b"")
    asked = PROTOCOLS[service].read(RawRequest("POST", b"/", query, (), body), b"/", service, NOW)
    assert (asked.refusal is None) == (asked.shape is not None)
    if asked.refusal is not None:
        PROTOCOLS[service].refuse(asked.refusal, service, "r")
        storable_text(asked.refusal.message).encode()


@fuzzed
@given(path=st.sampled_from([b"/policy/validation", b"/tags/%FF", b"/policy"]), query=st.just(b"") | FORMS, body=BODIES)
def test_any_json_is_read_or_refused(path: bytes, query: bytes, body: bytes) -> None:
    """The services that are asked by path; a refusal can be rendered and recorded."""
    asked = REST.read(RawRequest("POST", path, query, (), body), path, "access-analyzer", NOW)
    assert (asked.refusal is None) == (asked.shape is not None)
    if asked.refusal is not None:
        REST.refuse(asked.refusal, "access-analyzer", "r")
        storable_text(asked.refusal.message).encode()


@fuzzed
@given(target=st.sampled_from(TARGETS), body=BODIES)
def test_any_json_for_a_target_is_read_or_refused(target: bytes, body: bytes) -> None:
    """The services whose operation a header names; a refusal can be rendered and recorded."""
    asked = TARGETED.read(RawRequest("POST", b"/", b"", ((b"x-amz-target", target),), body), b"/", "organizations", NOW)
    assert (asked.refusal is None) == (asked.shape is not None)
    if asked.refusal is not None:
        TARGETED.refuse(asked.refusal, "organizations", "r")
        storable_text(asked.refusal.message).encode()


@fuzzed
@given(
    scope=TEXTS | st.sampled_from(["s3", "ec2", "sns", "iam"]),
    headers=st.dictionaries(
        st.sampled_from([b"x-amz-target", b"content-type", b"smithy-protocol", b"x-amz-sso_bearer_token"]),
        TEXTS.map(lambda text: text.encode("utf-8", "replace")),
    ),
    place=TEXTS,
    body=FORMS | BODIES,
)
def test_any_request_for_an_absent_service_is_refused(
    scope: str, headers: dict[bytes, bytes], place: str, body: bytes
) -> None:
    """In some form, and so that it can be recorded."""
    signature = f"Credential=A/20260131/eu-west-1/{scope}/aws4_request".encode("utf-8", "replace")
    path = b"/" + percent(place).encode()
    for carried in (headers, headers | {b"authorization": signature}):
        request = RawRequest("POST", path, b"", tuple(carried.items()), body)
        if ABSENT.serves(request, RequestPath.split(path)):
            form = ABSENT.speaking_to(request)
            asked = form.read(request, path, scope, NOW)
            assert asked.refusal is not None
            form.refuse(asked.refusal, None, "r")
            with pytest.raises(UnsupportedService) as refused:
                form.refuse_unsigned(request, path)
            storable_text(refused.value.message).encode()


ROUTES = [(question.method, question.path) for question in QUESTIONS]


@fuzzed
@given(
    route=st.sampled_from(ROUTES),
    place=TEXTS,
    query=st.lists(
        st.tuples(
            st.sampled_from(["limit", "marker", "as_of", "since", "until", "principal", "active"]) | TEXTS, TEXTS
        ),
        max_size=4,
    ).map(encoded),
    body=BODIES,
)
def test_any_question_is_read_or_refused(route: tuple[str, str], place: str, query: bytes, body: bytes) -> None:
    """The native API's requests; what is read can be recorded."""
    method, template = route
    path = "/".join(percent(place) if part.startswith("{") else part for part in template.split("/")).encode()
    asked = NATIVE.read(RawRequest(method, path, query, (), body), path, "muniment", NOW)
    if asked.refusal is not None:
        NATIVE.refuse(asked.refusal, None, "r")
        storable_text(asked.refusal.message).encode()
    else:
        assert "\0" not in json.dumps(asked.parameters)


@fuzzed
@given(text=TEXTS | st.from_regex(r"p?[0-9T:.Z+-]{1,30}|[0-9]{1,7}[smhdw]", fullmatch=True))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    """Times beyond the calendar and positions beyond the numbers too."""
    try:
        found = NamedMoment.parse(text).as_of(NOW)
    except Refusal:
        return
    assert text == "now" or (found.at is None) != (found.position is None)


@fuzzed
@given(document=DOCUMENTS, kind=st.sampled_from(list(POLICY_TYPES.values())), action=TEXTS, resource=TEXTS, value=TEXTS)
def test_any_document_is_a_policy_or_refused(
    document: str, kind: PolicyType, action: str, resource: str, value: str
) -> None:
    """And what is a policy can be asked about anything."""
    try:
        policy = parse(document, kind)
    except Refusal as refusal:
        storable_text(refusal.message).encode()
        return
    principal = RequestPrincipal("arn:aws:iam::123456789012:user/a", "123456789012", frozenset())
    sourced = SourcedPolicy(policy, "id", "inline", None)
    evaluate([(Layer.IDENTITY, [sourced])], Request(action, resource, principal, {"aws:x": (value,)}))
