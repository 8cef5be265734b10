"""docs/reference/commands.md, from the parser of the command `muniment`."""

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.cli.entry_point import build_parser

COMMON_TO_COMMANDS_MIN = 5
"""An option that means the same in so many commands is described once."""

_HEAD = """\
# Commands

| exit code | means |
|---|---|
| 0 | all is well |
| 1 | refused or failed, or something was found: where a command says so below |
| 2 | not understood: nothing was asked or done |

`muniment COMMAND --help` prints the same as below, `muniment --version` the version. Options of many commands may stand
before the command or behind it. What was mistyped is answered with the nearest that there is.

On a terminal, a table that is wider breaks running text between words, gives a row two lines, or makes it a block. It
cuts nothing. Elsewhere each row is one line. Colour is for terminals, without `NO_COLOR` and `TERM=dumb`.

This page is generated: `{command}`.

## Options of many commands

{common}
"""


class _Command(NamedTuple):
    name: str
    """Such as `account create`."""
    about: str
    parser: argparse.ArgumentParser


def commands_page(command: str) -> str:
    found = list(_commands("", "", build_parser()))
    counts = Counter(_described(action) for each in found for action in _options(each.parser))
    common = [line for line, count in counts.items() if count >= COMMON_TO_COMMANDS_MIN]
    sections = [_section(each, common) for each in found]
    return "\n".join([_HEAD.format(command=command, common="\n".join(map(_wrapped, common))), *sections])


def _commands(name: str, about: str, parser: argparse.ArgumentParser) -> Iterator[_Command]:
    """Those that can be run, each before its sub-commands."""
    subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if name and not any(action.required for action in subcommands):
        yield _Command(name, about, parser)
    for action in subcommands:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for child, child_parser in action.choices.items():
            yield from _commands(f"{name} {child}".strip(), helps[child], child_parser)


def _section(command: _Command, common: Sequence[str]) -> str:
    positional = [action for action in command.parser._actions if not action.option_strings]
    arguments = [action for action in positional if not isinstance(action, argparse._SubParsersAction)]
    options = [line for line in map(_described, _options(command.parser)) if line not in common]
    others = [f"`{action.option_strings[-1]}`" for action in _options(command.parser) if _described(action) in common]
    lines = [*map(_described, arguments), *options]
    if others:
        lines.append(f"- also: {', '.join(others)}")
    usage = " ".join(["muniment", command.name, *map(_usage, arguments), *_required_options(command.parser)])
    about = textwrap.fill(f"{_sentence(command.about)} {command.parser.epilog or ''}".strip(), 118)
    return f"## {usage}\n\n{about}\n\n" + "\n".join(map(_wrapped, lines)) + "\n"


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings and "--help" not in action.option_strings]


def _required_options(parser: argparse.ArgumentParser) -> list[str]:
    one_of = [
        f"({' | '.join(map(_flags, group._group_actions))})"
        for group in parser._mutually_exclusive_groups
        if group.required
    ]
    return [text.replace("`", "") for text in (*one_of, *(_flags(each) for each in _options(parser) if each.required))]


def _described(action: argparse.Action) -> str:
    return f"- {_flags(action)}: {action.help or ''}".removesuffix(": ")


def _flags(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_usage(action)}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return f"`{', '.join(action.option_strings)}{value}`"


def _usage(action: argparse.Action) -> str:
    return f"[{_value(action)}…]" if action.nargs == "*" else _value(action)


def _value(action: argparse.Action) -> str:
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    metavar = action.metavar if isinstance(action.metavar, str) else None
    return metavar or (action.dest.upper() if action.option_strings else action.dest)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 118, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
