"""The words that commands have in common, and how they are declared."""

import argparse
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from services.cli.lib.failures import UsageError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse names it nowhere else
RunCommand = Callable[[argparse.Namespace], None]
TABLE_OR_JSON = ("table", "json")

T = TypeVar("T")


def add_question_command(
    commands: Commands, name: str, run: RunCommand, what: str, outputs: Sequence[str] = TABLE_OR_JSON
) -> argparse.ArgumentParser:
    """A command that asks."""
    parser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
    add_client_arguments(parser, outputs=outputs)
    parser.set_defaults(run=run)
    return parser


def add_historical_command(
    commands: Commands, name: str, run: RunCommand, what: str, outputs: Sequence[str] = TABLE_OR_JSON
) -> argparse.ArgumentParser:
    """A command that asks about now or about the past."""
    parser = add_question_command(commands, name, run, what, outputs)
    _moment(
        parser,
        "--as-of",
        "as_of",
        "as it was then; a time is RFC 3339, in whole with offset, and to the microsecond: most tables cut it",
    )
    return parser


def add_span_arguments(
    parser: argparse.ArgumentParser,
    first: str,
    last: str,
    *,
    words: tuple[str, str] = ("--from", "--to"),
    required: bool = False,
) -> None:
    """A command that asks about everything between two moments. `first` and `last` say what each of them is about;
    where they are `required`, the last one is now if it is not given."""
    _moment(parser, words[0], "since", first, required=required)
    _moment(parser, words[1], "until", last)


def _moment(parser: argparse.ArgumentParser, word: str, name: str, what: str, *, required: bool = False) -> None:
    parser.add_argument(word, dest=name, required=required, metavar="TIME|pPOSITION", help=what)


def add_interval_arguments(parser: argparse.ArgumentParser) -> None:
    """A command that asks about now, about a moment, or for intervals."""
    first = "tell all that was so from then on, from when to when, and who made it so"
    add_span_arguments(parser, first, "with --from: up to then, and not up to now")


def span_parameters(chosen: argparse.Namespace) -> dict[str, object] | None:
    """The parameters of a span, if one is meant. Raises NotUnderstood."""
    if chosen.since is None:
        if chosen.until is not None:
            raise UsageError("--to ends what --from begins: give both, or --as-of for one moment")
        return None
    if chosen.as_of is not None:
        raise UsageError("--as-of is about one moment, --from and --to about all between two: give one or the other")
    return {"since": chosen.since, "until": chosen.until}


def add_client_arguments(
    parser: argparse.ArgumentParser, default: object = None, outputs: Sequence[str] = TABLE_OR_JSON
) -> None:
    """Whom the command asks, and how it shows the answer."""
    off = False if default is None else default
    parser.add_argument(
        "--output",
        choices=outputs,
        default="table" if default is None else default,
        help="json: one object a line, with everything that is known",
    )
    parser.add_argument("--profile", default=default, help="AWS profile with credentials, region and endpoint_url")
    parser.add_argument("--endpoint-url", default=default, metavar="URL", help="the server, if not the profile's")
    parser.add_argument("--local", action="store_true", default=off, help="ask the database itself, as the operator")
    parser.add_argument("--data", default=default, help="with --local: the server's directory (MUNIMENT_DATA, ./data)")
    parser.add_argument("--account-id", default=default, help="with --local: the account, if there are several")
    parser.add_argument("--verbose", action="store_true", default=off, help="log on standard error what goes on")


def positive_int(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)
