"""The words that commands have in common, and how they are declared."""

import argparse
from collections.abc import Callable, Sequence
from typing import TypeAlias

from services.cli.lib.terminal import UsageError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse names it nowhere else
RunCommand = Callable[[argparse.Namespace], None]
TABLE_OR_JSON = ("table", "json")


def add_question_arguments(
    parser: argparse.ArgumentParser, run: RunCommand, outputs: Sequence[str] = TABLE_OR_JSON
) -> None:
    """A command that asks."""
    add_client_arguments(parser, outputs=outputs)
    parser.set_defaults(run=run)


def add_historical_arguments(
    parser: argparse.ArgumentParser, run: RunCommand, outputs: Sequence[str] = TABLE_OR_JSON
) -> None:
    """A command that asks about now or about the past."""
    add_question_arguments(parser, run, outputs)
    what = "the state at that moment; RFC 3339 with offset, up to microseconds (most tables show seconds)"
    _moment(parser, "--as-of", "as_of", what)


def add_operator_arguments(parser: argparse.ArgumentParser, run: RunCommand) -> None:
    """A command of the operator on the database itself, whether a server runs or not."""
    parser.add_argument("--data", help="the server's directory (MUNIMENT_DATA, ./data)")
    add_verbose_argument(parser)
    parser.set_defaults(run=run)


def add_operator_table_arguments(parser: argparse.ArgumentParser, run: RunCommand) -> None:
    """One that shows a table."""
    add_operator_arguments(parser, run)
    add_output_argument(parser)


def add_output_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", choices=TABLE_OR_JSON, default="table", help="json: one object a line")


def add_verbose_argument(parser: argparse.ArgumentParser, default: object = False) -> None:  # noqa: FBT002  argparse's
    parser.add_argument("--verbose", action="store_true", default=default, help="log progress to standard error")


def add_subcommands(parser: argparse.ArgumentParser) -> Commands:
    return parser.add_subparsers(required=True, metavar="SUBCOMMAND")


def add_command(commands: Commands, name: str, what: str) -> argparse.ArgumentParser:
    """Described by the line that stands for it in the list of commands."""
    return commands.add_parser(name, help=what, description=what[0].upper() + what[1:])


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
    first = "list the intervals since that moment, with the changes that opened and closed them"
    add_span_arguments(parser, first, "with --from: up to then, and not up to now")


def span_parameters(args: argparse.Namespace) -> dict[str, object] | None:
    """The parameters of a span, if one is meant. Raises UsageError."""
    if args.since is None:
        if args.until is not None:
            raise UsageError("--to ends what --from begins: give both, or --as-of for one moment")
        return None
    if args.as_of is not None:
        raise UsageError("--as-of is about one moment, --from and --to about all between two: give one or the other")
    return {"since": args.since, "until": args.until}


def add_client_arguments(
    parser: argparse.ArgumentParser, default: object = None, outputs: Sequence[str] = TABLE_OR_JSON
) -> None:
    """Whom the command asks, and how it shows the answer."""
    off = False if default is None else default
    parser.add_argument(
        "--output",
        choices=outputs,
        default="table" if default is None else default,
        help="json: one object a line, with all fields",
    )
    parser.add_argument("--profile", default=default, help="AWS profile with credentials, region and endpoint_url")
    parser.add_argument(
        "--endpoint-url", default=default, metavar="URL", help="the server, if other than the profile's"
    )
    parser.add_argument("--local", action="store_true", default=off, help="read the database directly, as the operator")
    parser.add_argument("--data", default=default, help="with --local: the server's directory (MUNIMENT_DATA, ./data)")
    parser.add_argument("--account-id", default=default, help="with --local: the account, if there are several")
    add_verbose_argument(parser, off)


def positive_int(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)
