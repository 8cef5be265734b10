"""Every question of the contract is answered."""

import pytest

from services.api.contract.questions import QUESTIONS
from services.api.handlers import registry
from services.api.handlers.handler import HANDLERS


def test_a_question_without_a_handler_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not start then: importing the handlers asks this."""
    assert list(registry.misfits()) == []
    assert HANDLERS.keys() == {*QUESTIONS}
    monkeypatch.delitem(HANDLERS, QUESTIONS[0])
    assert list(registry.misfits()) == [f"No handler answers {QUESTIONS[0].__name__}."]
