"""What a framework's file may hold: all that is read of it stands in an event, and is looked at by every tick."""

import json
from datetime import timedelta

import pytest

from domain.compliance.check import DAYS_MAX, checks
from domain.compliance.frameworks import KEY_PARTS_MAX, NUMBER_MAX, load_checks, read_framework
from domain.foundation.errors import ValidationError
from tests.domain.accounts import AT

AGE = "access_key_age"


def file(check: str, parameters: dict[str, object], config: dict[str, str] | None = None) -> str:
    control: dict[str, object] = {"id": "1", "title": "t", "tests": [{"check": check, "parameters": parameters}]}
    control["config_parameters"] = config or {}
    return json.dumps({"name": "house", "version": "1", "title": "t", "source": "s", "controls": [control]})


TOML = """name = "house"
version = "1"
title = "t"
source = "s"
[[controls]]
id = "1"
title = "t"
tests = [{ check = "access_key_age", parameters = { days = %s } }]
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(file("user_untagged", {"keys": ["a\0b"]}), "parameters.keys", id="U+0000 in a text"),
        pytest.param(file(AGE, {"days": 30}, {"a\0b": "days"}), "config_parameters", id="U+0000 in a name"),
        pytest.param(file(AGE, {"days": 30}, {"a": "b\x1b"}), "config_parameters", id="a control character"),
        pytest.param(file(AGE, {"a\0b": 1}), "parameters", id="U+0000 in a parameter's name"),
        pytest.param(file(AGE, {"days": 36_501}), "less than or equal to 36500", id="behind the calendar"),
        pytest.param(file(AGE, {"days": -1}), "greater than or equal to 0", id="before it"),
        pytest.param(file("weak_password_policy", {"length": NUMBER_MAX + 1}), "parameters.length", id="a long number"),
        pytest.param(TOML % ("9" * 5_000), "no TOML: Exceeds the limit", id="a number that Python does not read"),
        pytest.param("a" + ".a" * 30_000 + " = 1", "names in a row with dots", id="a long key"),
        pytest.param("[" + '"\\"" . ' * 9_000 + "a]", "names in a row with dots", id="a long key in quotes"),
    ],
)
def test_what_no_file_may_hold(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read_framework(text, "The file")


def test_what_may_stand_in_a_file() -> None:
    assert read_framework(TOML % 36_500, "The file").criteria[0].id == "access_key_age(days=36500)"
    key = ".".join("a" * KEY_PARTS_MAX)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        read_framework(f"{TOML % 30}[{key}]\n", "The file")


def test_no_number_of_days_leaves_the_calendar() -> None:
    """A check that fails holds up the tables of the account, and whoever adopts frameworks chooses the numbers."""
    load_checks()
    counting = [each for each in checks() if "days" in each.parameters({})]
    assert counting
    for check in counting:
        assert check.parameters({"days": DAYS_MAX})
        for days in (-1, DAYS_MAX + 1):
            with pytest.raises(ValidationError, match="do not fit"):
                check.parameters({"days": days})
    assert AT + timedelta(days=DAYS_MAX) > AT > AT - timedelta(days=DAYS_MAX)
