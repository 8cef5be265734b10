"""What the command imports before it does anything."""

import subprocess
import sys

import pytest

from services.cli.commands import COMMANDS
from services.cli.entry_point import build_parser

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


def test_every_command_is_described_in_full() -> None:
    """With its arguments, by a module of its name."""
    (commands,) = (action for action in build_parser()._actions if action.dest == "==SUPPRESS==" and action.choices)
    assert commands.choices is not None
    assert [*commands.choices] == [*COMMANDS]
    assert all(len(parser._actions) > 1 for parser in dict(commands.choices).values())
