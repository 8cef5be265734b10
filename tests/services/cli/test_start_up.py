"""What the command imports before it does anything."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from services.cli.commands import COMMANDS
from services.cli.entry_point import EXIT_USAGE, build_parser, main
from services.cli.lib.parser import COMMON_OPTIONS, move_common_options

HEAVY = (
    "botocore",
    "domain.account",
    "projections",
    "psycopg",
    "pydantic",
    "services.app",
    "services.ledger_runtime",
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


@pytest.mark.parametrize(
    "words", [["--help"], ["histroy"], [], ["serve", "--help"], ["--version"], ["serve", "--outptu"]]
)
def test_nothing_heavy_is_imported_to_say_how_it_is_used(words: list[str]) -> None:
    """Whoever asks for help, or mistypes, does not wait for what only a command that runs needs."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    imported = set(ran.stdout.splitlines()[-1].split())
    assert "services.cli.entry_point" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No command was given. See `muniment --help`."),
        (["--local"], "No command was given. See `muniment --help`."),
        (["histroy"], "There is no command 'histroy'. Did you mean history? See `muniment --help`."),
        (
            ["--output", "json", "histroy"],
            "There is no command 'histroy'. Did you mean history? See `muniment --help`.",
        ),
        (["--verson"], "`muniment` does not take --verson. Did you mean --version? See `muniment --help`."),
        (
            ["--verson", "history"],
            "`muniment history` does not take --verson. Did you mean --version? See `muniment history --help`.",
        ),
        (
            ["what-if", "--polcy", "x"],
            "`muniment what-if` does not take --polcy. Did you mean --policy? See `muniment what-if --help`.",
        ),
        (
            ["--profle", "x", "history"],
            "`muniment` does not take --profle. Did you mean --profile? See `muniment --help`.",
        ),
        (
            ["history", "--user", "alice"],
            "`muniment history` does not take --user. Did you mean --user-agent? See `muniment history --help`.",
        ),
        (
            ["sessions", "--out", "json"],
            "`muniment sessions` does not take --out. Did you mean --output? See `muniment sessions --help`.",
        ),
        (["xyzzy"], "There is no command 'xyzzy'. See `muniment --help`."),
        (
            ["history", "--operaton", "CreateUser"],
            "`muniment history` does not take --operaton. Did you mean --operation? See `muniment history --help`.",
        ),
        (
            ["account", "list", "--outptu=json"],
            (
                "`muniment account list` does not take --outptu. Did you mean --output? "
                "See `muniment account list --help`."
            ),
        ),
        (
            ["--verbos", "serve"],
            "`muniment serve` does not take --verbos. Did you mean --verbose? See `muniment serve --help`.",
        ),
        (["--wide", "serve"], "`muniment serve` does not take --wide. See `muniment serve --help`."),
        (["history", "x"], "`muniment history` does not expect 'x'. See `muniment history --help`."),
        (
            ["sessions", "revok", "x"],
            (
                "Argument SUBCOMMAND cannot be 'revok': expected revoke. Did you mean revoke? "
                "See `muniment sessions --help`."
            ),
        ),
        (
            ["history", "--output", "jsn"],
            (
                "Argument --output cannot be 'jsn': expected table, json, csv. Did you mean json? "
                "See `muniment history --help`."
            ),
        ),
        (["who-can"], "The following arguments are required: ACTION, RESOURCE. See `muniment who-can --help`."),
    ],
)
def test_what_is_mistyped(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, which leads to the help, and to what was probably meant."""
    assert main(words) == EXIT_USAGE
    assert capsys.readouterr() == ("", f"muniment: {said}\n")


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["--output", "json", "history"], ["history", "--output", "json"]),
        (["--profile=p", "--local", "history", "--last", "3"], ["history", "--last", "3", "--profile=p", "--local"]),
        (["account", "--data", "d", "list"], ["account", "list", "--data", "d"]),
        (["--wide", "trace", "--", "-x"], ["trace", "--wide", "--", "-x"]),
        (["history", "--principal", "--wide"], ["history", "--principal", "--wide"]),
        (["--help", "--output", "json"], ["--help", "--output", "json"]),
    ],
)
def test_common_options_stand_before_the_command_or_behind_it(words: list[str], moved: list[str]) -> None:
    """What belongs to another option, or comes after `--`, stays where it is."""
    assert move_common_options(words) == moved


def test_common_options_take_what_the_commands_say() -> None:
    """Each option that may be moved has as many values as in every command that has it."""
    taken = {
        (option, 0 if action.nargs == 0 else 1)
        for parser in build_parser().subparsers().values()
        for action in parser.actions()
        for option in action.option_strings
        if option in COMMON_OPTIONS
    }
    assert taken == set(COMMON_OPTIONS.items())


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the installed package."""
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"muniment {version('muniment')}\n"


def test_help_says_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert re.findall(r"^  ([0-9])  ", capsys.readouterr().out, re.MULTILINE) == ["0", "1", "2"]


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
