"""What an answer suggests to paste into a shell."""

import shlex

import pytest

from domain.foundation.suggested_commands import suggested_command


@pytest.mark.parametrize("value", ["ann", "a b", "$(id)", "`id`", "it's", 'say "x"', "a;b", "*", "~", "", "a\nb"])
def test_a_shell_takes_words_as_they_are(value: str) -> None:
    """Whatever stands in a name or in the value of an option."""
    command = suggested_command("muniment", "contain", value, user_name=value)
    assert shlex.split(command) == ["muniment", "contain", value, "--user-name", value]


def test_a_value_is_no_option() -> None:
    assert suggested_command("aws", "iam", "delete-user", user_name="-x") == "aws iam delete-user --user-name=-x"
