"""The meter itself: each kind of damage is found in forged journals and ledgers, and a sound pair is found sound."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.account import SCHEMA_VERSION, AccountCreated
from domain.calls import ApiCalled
from domain.families.access_keys import AccessKeyCreated
from domain.families.users import UserCreated
from domain.foundation.events import Cause, Entry, Event
from tests.failures.meter import Answer, Findings, Intent, compare
from tests.services.ledger.rounds import ACCOUNT, BEGAN_AT

ANN = UserCreated(user_id="AIDAANN", user_name="ann", path="/")
KEY = AccessKeyCreated(access_key_id="AKIA1", user_id="AIDAANN", user_name="ann")


def entry(position: int, operation: str, request_id: str, event: Event) -> Entry:
    cause = Cause(origin="api", request_id=request_id, shared_id=request_id, service="iam", operation=operation)
    return Entry(ACCOUNT, position, f"event-{position}", BEGAN_AT, cause, event)


def record(error_code: str | None = None, user_name: str = "ann") -> ApiCalled:
    return ApiCalled(read_only=False, parameters={"user_name": user_name}, error_code=error_code)


def answer(request_id: str, position: int | None, code: str | None = None, **told: str) -> Answer:
    status = 200 if code is None else 409
    return Answer(status, code, request_id, position, begun_at=0, at=0, told=told)


def asked(operation: str, *answers: Answer, user_name: str = "ann", sent: int = 1) -> Intent:
    return Intent(operation, {"UserName": user_name}, sent, list(answers))


def journal() -> list[Intent]:
    """A user, its key, a read; a user that exists already; and a call that was never answered."""
    return [
        asked("CreateUser", answer("r1", 3, UserId="AIDAANN")),
        asked("CreateAccessKey", answer("r2", 5, AccessKeyId="AKIA1", UserId="AIDAANN")),
        asked("GetUser", answer("r3", 6, UserId="AIDAANN")),
        asked("GetUser", answer("r4", 7, "NoSuchEntity"), user_name="bob"),
        asked("CreateUser", user_name="eve"),
    ]


def ledger() -> list[Entry]:
    created = AccountCreated(ledger_id="00", kind="live", partition="aws", schema_version=SCHEMA_VERSION)
    return [
        entry(1, "CreateAccount", "r0", created),
        entry(2, "CreateUser", "r1", ANN),
        entry(3, "CreateUser", "r1", record()),
        entry(4, "CreateAccessKey", "r2", KEY),
        entry(5, "CreateAccessKey", "r2", record()),
        entry(6, "GetUser", "r3", record()),
        entry(7, "GetUser", "r4", record("NoSuchEntity", "bob")),
    ]


def without(*positions: int) -> list[Entry]:
    """As if the ledger had been written anew without them."""
    left = [kept for kept in ledger() if kept.position not in positions]
    return [replace(kept, position=number) for number, kept in enumerate(left, 1)]


def with_last(*events: tuple[str, str, Event]) -> list[Entry]:
    return [*ledger(), *(entry(8 + number, *event) for number, event in enumerate(events))]


def told(number: int, **changed: object) -> list[Intent]:
    """The journal with another answer in one place."""
    forged = journal()
    forged[number].answers = [replace(forged[number].answers[0], **changed)]  # type: ignore[arg-type]
    return forged


def kinds(findings: Findings) -> set[str]:
    return {kind for kind in ("lost", "doubled", "changed") if getattr(findings, kind)}


def test_a_sound_ledger_is_sound() -> None:
    """Whether what was never answered is in the ledger or not."""
    assert not compare(journal(), ledger())
    eve = UserCreated(user_id="AIDAEVE", user_name="eve", path="/")
    assert not compare(journal(), with_last(("CreateUser", "r5", eve), ("CreateUser", "r5", record(user_name="eve"))))


def test_a_retry_may_be_recorded_too() -> None:
    """The answer was lost, the client asked again: two calls, two records, one user."""
    retried = [asked("CreateUser", answer("r8", 8, "EntityAlreadyExists"), sent=2), *journal()[1:]]
    assert not compare(retried, with_last(("CreateUser", "r8", record("EntityAlreadyExists"))))


LOST: dict[str, Callable[[], list[Entry]]] = {
    "the last record": lambda: ledger()[:-1],
    "a refusal, and the rest has moved up": lambda: without(7),
    "an effect, and the rest has moved up": lambda: without(4),
    "a position": lambda: [kept for kept in ledger() if kept.position != 6],
    "everything": list,
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_found(name: str) -> None:
    assert "lost" in kinds(compare(journal(), LOST[name]()))


DOUBLED: dict[str, Callable[[], list[Entry]]] = {
    "a record of one request": lambda: with_last(("GetUser", "r3", record())),
    "a call under another request": lambda: with_last(("GetUser", "r9", record())),
    "an unanswered call": lambda: with_last(
        ("CreateUser", "r5", record("Any", "eve")), ("CreateUser", "r6", record("Any", "eve"))
    ),
    "an effect": lambda: with_last(("CreateAccessKey", "r2", KEY.model_copy(update={"access_key_id": "AKIA2"}))),
    "a position": lambda: [*ledger(), replace(ledger()[-1], event_id="other")],
}


@pytest.mark.parametrize("name", DOUBLED)
def test_what_is_doubled_is_found(name: str) -> None:
    assert "doubled" in kinds(compare(journal(), DOUBLED[name]()))


CHANGED: dict[str, Callable[[], list[Intent]]] = {
    "the position": lambda: told(2, position=5),
    "the error code": lambda: told(3, code="AccessDenied"),
    "success instead of an error": lambda: told(3, code=None),
    "the id of a new user": lambda: told(0, told={"UserId": "AIDAEVE"}),
    "the id of a new key": lambda: told(1, told={"AccessKeyId": "AKIA2"}),
    "the id of a user that was read": lambda: told(2, told={"UserId": "AIDAEVE"}),
    "the operation": lambda: [*journal()[:2], asked("ListUsers", *journal()[2].answers), *journal()[3:]],
    "the parameters": lambda: [*journal()[:2], asked("GetUser", *journal()[2].answers, user_name="a"), *journal()[3:]],
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_changed_is_found(name: str) -> None:
    """And nothing else is found."""
    assert kinds(compare(CHANGED[name](), ledger())) == {"changed"}


def test_a_refusal_that_was_not_so_is_found() -> None:
    """Told, and recorded, that there is no such user, while there was one."""
    forged = [*journal()[:2], asked("GetUser", answer("r3", 6, "NoSuchEntity")), *journal()[3:]]
    entries = [*ledger()[:5], entry(6, "GetUser", "r3", record("NoSuchEntity")), *ledger()[6:]]
    assert kinds(compare(forged, entries)) == {"changed"}
