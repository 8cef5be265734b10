"""Completion scripts, asked as a shell asks them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from services.cli.commands import COMMANDS
from services.cli.entry_point import EXIT_OK, build_parser, main
from services.cli.lib.completion import SHELLS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muniment
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("his", {"history"}),
        ("history --out", {"--output"}),
        ("history --output ", {"table", "json", "csv"}),
        ("history --output json --wi", {"--wide"}),
        ("history --a", {"--access-key-id", "--address", "--account-id", "--as-of"}),
        ("history --si", {"--since"}),
        ("account ", {"create", "list", "close", "--help"}),
        ("account list --ou", {"--output"}),
        ("sessions revoke --prof", {"--profile"}),
        ("sessions rev", {"revoke"}),
        ("policy lint --type t", {"trust"}),
        ("completion ", {"bash", "zsh", "fish", "--help"}),
        ("history --data ", {""}),
    ],
)
def test_bash_completes(typed: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, options, and values where there are few; of files nothing, which bash completes by itself."""
    assert main(["completion", "bash"]) == EXIT_OK
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    words = ["muniment", *typed.split(" ")]
    ran = subprocess.run(["bash", "-c", ASK, "bash", script, *words], capture_output=True, text=True, check=True)
    assert set(ran.stdout[:-1].split("\n")) == offered
    assert ran.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_is_in_every_script(shell: str) -> None:
    """All commands with all their options; and the shell, where it is installed, reads the script."""
    script = SHELLS[shell](build_parser())
    assert [name for name in COMMANDS if name not in script] == []
    for parser in build_parser().subparsers().values():
        options = [option for action in parser.actions() for option in action.option_strings if option.startswith("--")]
        assert [option for option in options if option.removeprefix("--") not in script] == []
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
