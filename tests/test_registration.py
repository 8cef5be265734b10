"""Whatever registers itself where it is written says at once what is wrong with it: nothing is left out silently."""

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from domain.foundation import events
from domain.foundation.events import Change, Use, upcasts
from domain.queries.restored_settings import SETTING_ROWS
from domain.registry import event_classes, lineage_kind, lineage_kind_names
from services.api.contract.history import LookupHistory
from services.api.contract.question import Answer, Question
from services.api.contract.questions import QUESTIONS
from services.api.contract.sessions import RevokeSession
from services.api.handlers import handler, registry
from services.api.handlers.handler import decides, handles
from services.aws_services import aws_protocols
from services.wire import operations
from services.wire.model_protocol import ModelProtocol
from services.wire.operations import answers, require_served
from services.wire.protocols.query import QueryProtocol, QueryServiceModel


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone afterwards."""
    for owner, name in (
        (events, "_events"),
        (events, "_upcasts"),
        (operations, "_operations"),
        (handler, "HANDLERS"),
        (handler, "DECISIONS"),
        (ModelProtocol, "by_name"),
    ):
        monkeypatch.setattr(owner, name, dict(getattr(owner, name)))
    monkeypatch.setattr(registry, "HANDLERS", handler.HANDLERS)
    monkeypatch.setattr(registry, "DECISIONS", handler.DECISIONS)


def declares(*bases: type, name: str = "Mistaken", topic: str | None = None, **members: object) -> Callable[[], object]:
    """A statement of that class."""
    keywords = {} if topic is None else {"topic": topic}
    return lambda: type(bases[0])(name, bases, {"__module__": __name__, **members}, **keywords)


def registers(decorator: Callable[[], Callable[[Any], Any]]) -> Callable[[], object]:
    return lambda: decorator()(lambda *_given, **_named: None)


class UnroutedQuestion(Question[Answer]):
    path = "/v1/unrouted"
    resource = "unrouted"


class ShadowedQuestion(Question[Answer]):
    path = "/v1/permissions/{name}"
    resource = "shadowed"


class _FurtherModel(QueryServiceModel):
    protocol: ClassVar[str] = "further"


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (declares(Use), "The event Mistaken has no topic."),
        (declares(Change, sentence="It was so."), "The event Mistaken has no topic."),
        (declares(Change, topic="test.v1"), "The event Mistaken does not say: describe."),
        (
            declares(Change, topic="test.v1", sentence="It was {so}."),
            "The event Mistaken has no field 'so', which its sentence names.",
        ),
        (declares(Use, topic="iam.user.created.v1"), "The topic 'iam.user.created.v1' is taken"),
        (
            registers(lambda: upcasts("test.v1", "test.v2")),
            "The topic 'test.v1' is upcast to 'test.v2', which nothing before it declares.",
        ),
        (registers(lambda: upcasts("test.v1", "test.v1")), "The topic 'test.v1' is upcast to 'test.v1'"),
        (declares(Question, path="/v1/mistaken"), "The question Mistaken does not say: resource."),
        (declares(Question), "The question Mistaken does not say: path, resource."),
        (registers(lambda: handles(LookupHistory)), "LookupHistory is answered twice."),
        (registers(lambda: decides(RevokeSession)), "RevokeSession is decided twice."),
        (declares(QueryProtocol), "There is a protocol query already."),
        (
            declares(ModelProtocol, service_model=_FurtherModel),
            "The protocol Mistaken does not say: _parameters, _requested, refuse, serves, write.",
        ),
        (registers(lambda: answers("CreateUser", on=None)), "iam:CreateUser is answered twice."),
    ],
)
def test_a_mistaken_declaration(mistake: Callable[[], object], told: str) -> None:
    """It is refused where it is made, and registers nothing."""
    known = event_classes(), {**ModelProtocol.by_name}, {**handler.HANDLERS}
    with pytest.raises(TypeError) as refused:
        mistake()
    assert told in str(refused.value)
    assert (event_classes(), ModelProtocol.by_name, handler.HANDLERS) == known


def test_upcasts_cannot_run_in_a_circle() -> None:
    """The successor is declared first, so that the last of a circle finds its topic taken."""
    upcasts("test.v1", "iam.user.created.v1")(lambda fields: fields)
    with pytest.raises(TypeError, match=r"'iam\.user\.created\.v1' is taken"):
        upcasts("iam.user.created.v1", "test.v1")(lambda fields: fields)


@pytest.mark.parametrize("base", [Use, Question, ModelProtocol])
def test_a_base_of_others_is_none_of_them(base: type) -> None:
    """What leaves things to those that derive from it registers nothing."""
    known = event_classes(), {**ModelProtocol.by_name}
    declares(base, ABC)()
    assert (event_classes(), ModelProtocol.by_name) == known


@pytest.mark.parametrize(
    ("questions", "answered", "told"),
    [
        ((UnroutedQuestion,), (), "No handler answers UnroutedQuestion."),
        ((), (UnroutedQuestion,), "UnroutedQuestion has a handler and is not in QUESTIONS."),
        (
            (ShadowedQuestion,),
            (ShadowedQuestion,),
            "ListPermissions and ShadowedQuestion are both asked with GET /v1/permissions/{name}.",
        ),
    ],
)
def test_questions_and_handlers_fit(
    monkeypatch: pytest.MonkeyPatch,
    questions: tuple[type[Question[Answer]], ...],
    answered: tuple[type[Question[Answer]], ...],
    told: str,
) -> None:
    """Importing the handlers asks this, and fails with what it finds."""
    monkeypatch.setattr(registry, "QUESTIONS", (*QUESTIONS, *questions))
    for question in answered:
        registers(lambda question=question: handles(question))()  # type: ignore[misc]
    assert list(registry.misfits()) == [told]


@pytest.mark.parametrize(
    ("registration", "told"),
    [
        ({"name": "CreateUsr"}, "iam has no operation CreateUsr, which <lambda> answers."),
        ({"name": "AcceptDelegationRequest", "records": "delegation_request_id mood"}, "has no parameter mood, which"),
        ({"name": "AcceptDelegationRequest", "holder": "mood"}, "has no parameter mood, which"),
    ],
)
def test_an_operation_is_as_its_model_has_it(registration: dict[str, str], told: str) -> None:
    """The protocols ask this when they are made, before the server listens."""
    registers(lambda: answers(on=None, **registration))()  # type: ignore[arg-type]
    with pytest.raises(TypeError) as refused:
        aws_protocols()
    assert told in str(refused.value)


def test_an_operation_that_no_protocol_serves() -> None:
    """The server asks this of the protocols that it has, before it listens."""
    served = {operation.service for operation in operations.all_operations()}
    require_served(served)
    registers(lambda: answers("GetFoo", service="imagination", on=None))()
    with pytest.raises(TypeError, match=r"^No protocol serves imagination:GetFoo\.$"):
        require_served(served)


def test_every_setting_can_be_put_back() -> None:
    """Each kind of change that may let somebody in has a row that restores it, or is a creation."""
    kinds = {name for name in lineage_kind_names() if (kind := lineage_kind(name)) is not None and kind.setting}
    assert kinds - set(SETTING_ROWS) == {"policy"}
    assert set(SETTING_ROWS) <= kinds
