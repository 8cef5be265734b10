"""What a round decides about a request, and what the ledger gets of it: always something, never a secret."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calls import ApiCalled, Outcome
from domain.families.credential_use import LAST_USES, USE_WINDOW, CredentialUsed
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, InvalidAction, InvalidClientTokenId, Refusal, ValidationError
from domain.foundation.events import Event
from domain.foundation.secret import SecretId, SecretKind
from services.ledger.pending_call import CallResult
from services.wire import operations
from services.wire.authentication import VerifiedCredential
from services.wire.call_record import storable_text
from services.wire.decision import AuthenticatedRequest, decision_for
from tests.services.endpoint import ACCOUNT, SERVICE_OF, Endpoint, allow, document, seal, trusting


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def decided(
    endpoint: Endpoint,
    by: VerifiedCredential,
    operation: str,
    parameters: dict[str, Any],
    refusal: Refusal | None = None,
) -> CallResult:
    """The decision on parameters as parsing gives them, without appending anything."""
    service = SERVICE_OF.get(operation, "iam")
    cause = endpoint.cause(by, operation) if operation in SERVICE_OF else endpoint.cause(by, "GetUser")
    request = AuthenticatedRequest(by, cause, operations.find_operation(service, operation), parameters, refusal)
    return decision_for(request, bytes, seal)({ACCOUNT: endpoint.account}, endpoint.at)


def recorded(decision: CallResult) -> ApiCalled:
    (append,) = decision.appends
    record = append.events[-1]
    assert isinstance(record, ApiCalled)
    return record


def uses(events: list[Event]) -> list[str]:
    return [event.credential_id for event in events if isinstance(event, CredentialUsed)]


def test_an_answered_call(endpoint: Endpoint) -> None:
    """One append to the caller's ledger: the operation's events, then the call, under the principal of the key."""
    ann = endpoint.user("ann", allow())
    decision = decided(endpoint, ann, "CreateGroup", {"group_name": "ops", "path": "/x/"})
    assert isinstance(decision.result, Outcome)
    (append,) = decision.appends
    assert [event.topic for event in append.events] == [
        "iam.credential.used.v1",
        "iam.group.created.v1",
        "api.called.v1",
    ]
    assert append.cause.principal is not None
    assert append.cause.principal.principal_id == endpoint.account[USERS].named("ann").id
    record = recorded(decision)
    assert (record.read_only, record.error_code) == (False, None)
    assert record.parameters == {"group_name": "ops", "path": "/x/"}
    assert [check.result for check in record.decisions] == ["allowed"]


def test_a_refused_call(endpoint: Endpoint) -> None:
    """No change but the key's use; the call is recorded with code, message, principal, parameters and the check."""
    ann = endpoint.user("ann")
    decision = decided(endpoint, ann, "CreateGroup", {"group_name": "ops"})
    assert isinstance(decision.result, AccessDenied)
    (append,) = decision.appends
    assert [event.topic for event in append.events] == ["iam.credential.used.v1", "api.called.v1"]
    assert append.cause.principal is not None
    assert append.cause.principal.user_name == "ann"
    record = recorded(decision)
    assert (record.error_code, record.error_message) == ("AccessDenied", decision.result.message)
    assert record.parameters == {"group_name": "ops"}
    assert [check.result for check in record.decisions] == ["implicitly denied"]


def test_a_credential_that_is_good_for_nothing(endpoint: Endpoint) -> None:
    """A key that was deleted, or an expired session, is refused and recorded without principal; its use counts for
    nothing and the operation is not asked."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=endpoint.role("ops", trusting(ACCOUNT), allow()))
    endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
    endpoint.later(hours=2)
    for credential, code in ((ann, "InvalidClientTokenId"), (session, "ExpiredToken")):
        decision = decided(endpoint, credential, "CreateUser", {"user_name": "eva"})
        (append,) = decision.appends
        assert [event.topic for event in append.events] == ["api.called.v1"]
        assert append.cause.principal is None
        assert append.cause.access_key_id == credential.access_key_id
        assert recorded(decision).error_code == code


def test_a_request_that_could_not_be_read(endpoint: Endpoint) -> None:
    """The refusal of parsing is recorded under the operation as far as it was known, with no parameter and no check."""
    for operation, refusal, read_only in (
        ("CreateUser", ValidationError("1 validation error detected"), False),
        ("ListUsers", ValidationError("1 validation error detected"), True),
        ("NoSuchThing", InvalidAction("Could not find operation NoSuchThing"), True),
    ):
        decision = decided(endpoint, endpoint.root, operation, {}, refusal)
        assert decision.result is refusal
        record = recorded(decision)
        assert (record.error_code, record.read_only) == (refusal.code, read_only)
        assert (record.parameters, record.decisions) == ({}, ())


def test_an_unread_request_of_a_worthless_credential(endpoint: Endpoint) -> None:
    """Who is not authenticated learns nothing about the request: the credential's refusal comes first."""
    stranger = VerifiedCredential(ACCOUNT, "AKIAQNZGKIQY56JQ7WML", None)
    decision = decided(endpoint, stranger, "CreateUser", {}, ValidationError("1 validation error detected"))
    assert isinstance(decision.result, InvalidClientTokenId)


def test_codes_are_not_recorded(endpoint: Endpoint) -> None:
    """The code of an MFA device, though parsed, is on no allow-list."""
    ann = endpoint.user("ann")
    parameters = {"duration_seconds": 900, "serial_number": "arn:aws:iam::123456789012:mfa/ann", "token_code": "123456"}
    decision = decided(endpoint, ann, "GetSessionToken", parameters)
    del parameters["token_code"]
    assert recorded(decision).parameters == parameters
    assert all("123456" not in event.model_dump_json() for event in decision.appends[0].events[:-1])
    assert '"123456"' not in recorded(decision).model_dump_json()


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_the_use_of_a_key_is_news_once_a_window(minutes: list[int]) -> None:
    """However often a key is used, its use is recorded at most once in 15 minutes, and never later than that."""
    endpoint = Endpoint()
    news = []
    for pause in minutes:
        endpoint.later(minutes=pause)
        before = len(endpoint.entries)
        endpoint.call(endpoint.root, "GetCallerIdentity")
        news += [
            entry.at for entry in endpoint.entries[before:] if uses([entry.event]) == [endpoint.root.access_key_id]
        ]
        assert endpoint.at - news[-1] < USE_WINDOW
    assert all(later - earlier >= USE_WINDOW for earlier, later in pairwise(news))


def test_a_refused_use_is_a_use(endpoint: Endpoint) -> None:
    """The window opens with a refused call too; a session's calls are no use of the key that minted it."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "ListUsers")
    assert uses([entry.event for entry in endpoint.entries])[-1] == ann.access_key_id
    session = endpoint.session(ann, RoleArn=endpoint.role("ops", trusting(ACCOUNT), allow()))
    endpoint.later(hours=0.9)
    endpoint.call(session, "ListUsers")
    assert endpoint.account[LAST_USES][ann.access_key_id].at == endpoint.at - timedelta(hours=0.9)


def test_an_assumed_role_was_used(endpoint: Endpoint) -> None:
    """A role is used by the calls of its sessions, not by handing them out; the use is recorded once a window."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    role = endpoint.role("ops", trusting(ACCOUNT))
    role_id = endpoint.account[ROLES].named("ops").id
    sessions = [endpoint.session(ann, RoleArn=role) for _ in range(3)]
    assert uses([entry.event for entry in endpoint.entries]).count(role_id) == 0
    for session in sessions:
        endpoint.call(session, "GetCallerIdentity")
    endpoint.later(minutes=15)
    endpoint.call(sessions[0], "GetCallerIdentity")
    assert uses([entry.event for entry in endpoint.entries]).count(role_id) == 2


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("größer, 日本, 🔑", "größer, 日本, 🔑"),
        ("a\0b", "a\\u0000b"),
        ("ä\0", "ä\\u0000"),
        ("\ud800x", "\\ud800x"),
        ("\udcff\0", "\\udcff\\u0000"),
    ],
)
def test_what_postgresql_does_not_take(text: str, stored: str) -> None:
    """U+0000 and lone surrogates become visible escapes; everything else stays as it is."""
    assert storable_text(text) == stored


@given(st.text(st.characters()))
def test_anything_becomes_storable(text: str) -> None:
    """What comes out is UTF-8 without U+0000, and what was so already is unchanged."""
    stored = storable_text(text)
    assert "\0" not in stored.encode().decode()
    assert "\0" in text or any("\ud800" <= character <= "\udfff" for character in text) or stored == text


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"policy_arn": "arn:aws:iam::aws:policy/a\0b"}, {"policy_arn": "arn:aws:iam::aws:policy/a\\u0000b"}),
        ({"policy_arn": "arn:aws:iam::aws:policy/ä\ud800"}, {"policy_arn": "arn:aws:iam::aws:policy/ä\\ud800"}),
    ],
)
def test_what_is_not_storable_goes_nowhere(
    endpoint: Endpoint, parameters: dict[str, Any], shown: dict[str, Any]
) -> None:
    """Such a parameter is refused before any rule is asked, by name, and recorded in its visible form."""
    decision = decided(endpoint, endpoint.root, "GetPolicy", parameters)
    assert isinstance(decision.result, ValidationError)
    assert "'policy_arn'" in decision.result.message
    assert recorded(decision).parameters == shown
    assert recorded(decision).decisions == ()


def test_a_refusals_message_is_storable(endpoint: Endpoint) -> None:
    """What a refusal repeats of a request that could not be read is escaped in the record."""
    decision = decided(endpoint, endpoint.root, "GetPolicy", {}, ValidationError("Value 'a\0b\ud800' at 'policyArn'"))
    assert recorded(decision).error_message == "Value 'a\\u0000b\\ud800' at 'policyArn'"


def test_new_secrets_go_with_their_event(endpoint: Endpoint) -> None:
    """A new key's secret stands in the append of its creation, a deleted key's id in that of its deletion; a refused
    call has neither."""
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")
    (append,) = decided(endpoint, endpoint.root, "CreateAccessKey", {"user_name": "ann"}).appends
    (new,) = append.new_secrets
    assert new.principal_id == endpoint.account[USERS].named("ann").id
    parameters = {"access_key_id": endpoint.root.access_key_id}
    (append,) = decided(endpoint, endpoint.root, "DeleteAccessKey", parameters).appends
    assert append.destroyed_secrets == [SecretId(SecretKind.ACCESS_KEY, endpoint.root.access_key_id)]
    (append,) = decided(endpoint, endpoint.root, "CreateAccessKey", {"user_name": "bob"}).appends
    assert (append.new_secrets, append.destroyed_secrets) == ((), ())


def test_nothing_has_happened_yet(endpoint: Endpoint) -> None:
    """Deciding is pure: the account is what it was, and the same request is decided in the same way again."""
    before = endpoint.account
    parameters = {"policy_name": "p", "policy_document": document(allow())}
    first, second = (decided(endpoint, endpoint.root, "CreatePolicy", parameters) for _ in range(2))
    assert endpoint.account is before
    assert first.appends == second.appends
