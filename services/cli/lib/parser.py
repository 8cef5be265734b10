"""The parser of the words: it says in one line what it does not understand, and what was probably meant."""

import argparse
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NoReturn

from domain.foundation.nearest import close_to
from services.cli.lib.terminal import UsageError

COMMON_OPTIONS: Mapping[str, int] = {
    **dict.fromkeys(("--output", "--profile", "--endpoint-url", "--data", "--account-id", "--as-of"), 1),
    **dict.fromkeys(("--local", "--wide", "--verbose"), 0),
}
"""Of many commands, before or behind which they may stand; and how many values each takes."""
BEGUN_MAX = 3
"""Of options that begin with a word, so many are named."""
_INVALID_CHOICE = re.compile(r"(argument \S+): invalid choice: '(.*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """Sub-parsers are of this class, too. Options are not abbreviated: `--user` would be taken for `--user-agent`, and
    find nothing."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Raises UsageError, without the usage, which is many lines long."""
        if found := _INVALID_CHOICE.fullmatch(message):
            choices = re.findall(r"[^', ]+", found[3])
            message = (
                f"{found[1]} cannot be {found[2]!r}: expected {', '.join(choices)}.{did_you_mean(found[2], choices)}"
            )
        end = "" if message.endswith(("?", ".")) else "."
        raise UsageError(f"{message[0].upper()}{message[1:]}{end} See `{self.prog} --help`.")

    def parse_all(self, words: Sequence[str]) -> argparse.Namespace:
        """Raises UsageError; what is left over is named by the command that does not know it."""
        self.refuse_unknown_options(words)
        args, unknown = self.parse_known_args(words)
        if unknown:
            meant = self._meant_by(words)
            word = unknown[0].partition("=")[0]
            what = f"does not take {word}" if word.startswith("-") else f"does not expect {word!r}"
            meant.error(f"`{meant.prog}` {what}.{did_you_mean(word, meant.options())}")
        return args

    def refuse_unknown_options(self, words: Sequence[str], besides: Iterable[str] = ()) -> None:
        """Raises UsageError for what no command that is meant takes, even where something else is missing."""
        meant = self._meant_by(words)
        here = self
        for word in takewhile(lambda word: word != "--", words):
            here = here.subparsers().get(word, here)
            name, known = word.partition("=")[0], [*besides, *meant.options(), *here.options()]
            if name.startswith("--") and name not in known:
                meant.error(f"`{meant.prog}` does not take {name}.{did_you_mean(name, known)}")

    def actions(self) -> list[argparse.Action]:
        """What it takes: options and arguments."""
        return self._actions

    def options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def subparsers(self) -> "dict[str, Parser]":
        """By their words."""
        return {
            word: parser
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001  argparse names it nowhere else
            for word, parser in action.choices.items()
        }

    def _meant_by(self, words: Iterable[str]) -> "Parser":
        parser = self
        for word in words:
            parser = parser.subparsers().get(word, parser)
        return parser


class ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        # Reading it takes longer than all the rest of the help.
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"{parser.prog} {version('muniment')}\n")
        parser.exit()


def move_common_options(words: Sequence[str]) -> list[str]:
    """Those that stand before the command, or between it and a subcommand, go behind all the rest."""
    moved: list[str] = []
    kept: list[str] = []
    at = 0
    while at < len(words):
        name, equals, _ = words[at].partition("=")
        if name in COMMON_OPTIONS:
            end = at + 1 + (0 if equals else COMMON_OPTIONS[name])
            moved += words[at:end]
            at = end
        elif kept or words[at].startswith("-"):
            break
        else:
            kept.append(words[at])
            at += 1
    rest = [*kept, *words[at:]]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *moved, *rest[end:]]


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A sentence, if an option begins so or anything is near; with the space before it."""
    options = [each for each in dict.fromkeys(known) if word.startswith("--") and each.startswith(word)]
    near = options[:BEGUN_MAX] or close_to(word, known)
    return f" Did you mean {' or '.join(near)}?" if near else ""
