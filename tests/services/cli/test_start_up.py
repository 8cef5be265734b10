"""What the command imports before it does anything."""

import subprocess
import sys

import pytest

from services.cli.commands import COMMANDS
from services.cli.entry_point import EXIT_USAGE, build_parser, main

HEAVY = (
    "botocore",
    "domain.account",
    "projections",
    "psycopg",
    "pydantic",
    "services.app",
    "services.cli.commands.history",
)
PROGRAM = """
import sys
from services.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stdout.write("\\n" + " ".join(sys.modules))
"""


@pytest.mark.parametrize("words", [["--help"], ["histroy"], [], ["serve", "--help"]])
def test_nothing_heavy_is_imported_to_say_how_it_is_used(words: list[str]) -> None:
    """Whoever asks for help, or mistypes, does not wait for what only a command that runs needs."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    imported = set(ran.stdout.splitlines()[-1].split())
    assert "services.cli.entry_point" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No command was given. `muniment --help` lists all commands."),
        (["histroy"], "There is no command 'histroy'. Did you mean history? `muniment --help` lists all commands."),
        (["frobnicate"], "There is no command 'frobnicate'. `muniment --help` lists all commands."),
    ],
)
def test_a_missing_or_mistyped_command(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Leads to the help, and to the command that was probably meant."""
    with pytest.raises(SystemExit, match=str(EXIT_USAGE)):
        main(words)
    assert capsys.readouterr().err.endswith(f"muniment: error: {said}\n")


def test_a_commands_own_arguments_come_first() -> None:
    """In its usage and in its help, before those that many commands have."""
    (commands,) = (action for action in build_parser()._actions if action.dest == "==SUPPRESS==" and action.choices)
    assert commands.choices is not None
    shown = {name: parser.format_help() for name, parser in dict(commands.choices).items()}
    assert shown["contain"].index("--dry-run") < shown["contain"].index("--output")
    assert shown["contain"].index("--reason TEXT  ") < shown["contain"].index("common options:")
    assert shown["sessions"].startswith("usage: muniment sessions [OPTION ...]\n       muniment sessions revoke ID")


def test_every_command_is_described_in_full() -> None:
    """With its arguments, by a module of its name."""
    (commands,) = (action for action in build_parser()._actions if action.dest == "==SUPPRESS==" and action.choices)
    assert commands.choices is not None
    assert [*commands.choices] == [*COMMANDS]
    assert all(len(parser._actions) > 1 for parser in dict(commands.choices).values())
