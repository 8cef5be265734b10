"""Completion scripts for shells, from the parser. They hold all words themselves, and start no program."""

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.cli.lib.parser import Parser

_FUNCTION = """\
_muniment() {{
    local {locals} command= word
    for word in {words_before}; do
        case "$command/$word" in
            {commands}) command=$command/$word ;;
        esac
    done
    case "$command $before" in
{values}
    esac
    case "$command" in
{words}
    esac{otherwise}
}}
"""


class _Command(NamedTuple):
    path: tuple[str, ...]
    """Such as account, list; none is `muniment` itself."""
    about: str
    parser: Parser

    @property
    def options(self) -> list[argparse.Action]:
        shown = [action for action in self.parser.actions() if action.help != argparse.SUPPRESS]
        return [action for action in shown if action.option_strings]

    @property
    def words(self) -> list[str]:
        """What may come next."""
        chosen = [
            str(word) for action in self.parser.actions() if not action.option_strings for word in _values(action)
        ]
        return [*chosen, *(word for action in self.options for word in action.option_strings if word.startswith("--"))]


def _commands(parser: Parser, path: tuple[str, ...] = (), about: str = "") -> Iterator[_Command]:
    yield _Command(path, about, parser)
    for word, child in parser.subparsers().items():
        yield from _commands(child, (*path, word), child.description or "")


def _values(action: argparse.Action) -> list[str]:
    return [str(value) for value in action.choices or ()]


@dataclass(frozen=True, slots=True)
class _ShellWithCases:
    """One with functions and `case`."""

    begin: str
    locals: str
    words_before: str
    complete: Callable[[Sequence[str]], str]
    """What offers these words."""
    files: str
    """What offers the names of files."""
    otherwise: str
    end: str

    def __call__(self, parser: Parser) -> str:
        found = list(_commands(parser))
        values, words = [], []
        for command in found:
            path = "".join(f"/{word}" for word in command.path)
            for action in command.options:
                if action.nargs != 0:
                    pattern = "|".join(shlex.quote(f"{path} {option}") for option in action.option_strings)
                    offered = self.complete(_values(action)) if action.choices else self.files
                    values.append(f"        {pattern}) {offered}; return ;;")
            words.append(f"        {shlex.quote(path)}) {self.complete(command.words)} ;;")
        function = _FUNCTION.format(
            locals=self.locals,
            words_before=self.words_before,
            commands="|".join("/" + "/".join(command.path) for command in found if command.path),
            values="\n".join(values),
            words="\n".join(words),
            otherwise=self.otherwise,
        )
        return self.begin + function + self.end


def _fish(parser: Parser) -> str:
    lines = ["# Completion of muniment for fish.", "complete -c muniment -f"]
    for command in _commands(parser):
        seen = [f"__fish_seen_subcommand_from {word}" for word in command.path]
        here = "; and ".join(seen) or "__fish_use_subcommand"
        children = command.parser.subparsers()
        none_yet = [f"not __fish_seen_subcommand_from {' '.join(children)}"] if children and seen else []
        next_ = shlex.quote("; and ".join([here, *none_yet]))
        for word, child in children.items():
            lines.append(f"complete -c muniment -n {next_} -a {word} -d {_line(child.description)}")
        words = " ".join(word for word in command.words if word not in children and not word.startswith("-"))
        if words:
            lines.append(f"complete -c muniment -n {next_} -a {shlex.quote(words)}")
        for action in command.options:
            takes = (
                ""
                if action.nargs == 0
                else f" -xa {shlex.quote(' '.join(_values(action)))}"
                if action.choices
                else " -rF"
            )
            long = " ".join(f"-l {word[2:]}" for word in action.option_strings if word.startswith("--"))
            lines.append(f"complete -c muniment -n {shlex.quote(here)} {long}{takes} -d {_line(action.help)}")
    return "\n".join(lines) + "\n"


def _line(text: str | None) -> str:
    return shlex.quote((text or "").replace("%%", "%"))


def _bash_words(words: Sequence[str]) -> str:
    return f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(words))} -- "$current"))'


def _zsh_words(words: Sequence[str]) -> str:
    return f"compadd -- {' '.join(map(shlex.quote, words))}"


SHELLS: Mapping[str, Callable[[Parser], str]] = {
    "bash": _ShellWithCases(
        begin="# Completion of muniment for bash.\n",
        locals="current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        words_before='"${COMP_WORDS[@]:1:COMP_CWORD-1}"',
        complete=_bash_words,
        files="COMPREPLY=()",
        otherwise="",
        end="complete -o default -F _muniment muniment\n",
    ),
    "zsh": _ShellWithCases(
        begin="#compdef muniment\n# Completion of muniment for zsh.\n",
        locals="before=${words[CURRENT-1]}",
        words_before="${words[2,CURRENT-1]}",
        complete=_zsh_words,
        files="_files",
        otherwise="\n    _files",
        end='if [[ $funcstack[1] == _muniment ]]; then _muniment "$@"; else compdef _muniment muniment; fi\n',
    ),
    "fish": _fish,
}
