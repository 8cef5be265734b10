"""The words that commands have in common, and how they are declared."""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from domain.foundation.credential_kind import KIND_NAMES
from domain.foundation.errors import ValidationError
from domain.foundation.moments import MOMENT, NamedMoment
from domain.foundation.nearest import nearest
from services.cli.lib.terminal import UsageError

Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # noqa: SLF001  argparse names it nowhere else
RunCommand = Callable[[argparse.Namespace], None]
Arguments: TypeAlias = "argparse._ActionsContainer"  # noqa: SLF001  nor what a parser and a group of it are
TABLE_OR_JSON = ("table", "json")
DATA_DEFAULT = "(default: $MUNIMENT_DATA or ./data)"
SPAN_OF_CALLS = ("calls from this moment on", "calls up to this moment (default: now)")
"""Between which two moments they were made."""


def add_historical_arguments(
    parser: argparse.ArgumentParser, run: RunCommand, outputs: Sequence[str] = TABLE_OR_JSON
) -> None:
    """A command that asks about now or about the past."""
    common = add_question_arguments(parser, run, outputs)
    what = f"the state at that moment: {MOMENT}; of a date at 00:00 UTC; most tables show times to the second"
    _moment(common, ["--as-of"], "as_of", what)


def add_compromised_since(arguments: Arguments, then: str = "what it made before is left") -> None:
    what = f"the earliest moment at which it may have been in other hands; {then}: {MOMENT}"
    _moment(arguments, ("--compromised-since",), "compromised_since", what)


def add_operator_arguments(parser: argparse.ArgumentParser, run: RunCommand) -> Arguments:
    """A command of the operator on the database itself, whether a server runs or not."""
    common = _add_common_group(parser)
    common.add_argument("--data", help=f"data directory of the server {DATA_DEFAULT}")
    add_verbose_argument(common)
    parser.set_defaults(run=run)
    return common


def add_operator_table_arguments(parser: argparse.ArgumentParser, run: RunCommand) -> None:
    """One that shows a table."""
    add_output_argument(add_operator_arguments(parser, run))


def _add_common_group(parser: argparse.ArgumentParser) -> Arguments:
    """Which help lists after what only this command has."""
    return parser.add_argument_group("common options")


def add_output_argument(arguments: Arguments) -> None:
    arguments.add_argument("--output", choices=TABLE_OR_JSON, default="table", help="json: one object a line")
    add_wide_argument(arguments)


def add_wide_argument(arguments: Arguments, default: object = False) -> None:  # noqa: FBT002  argparse's
    what = "tables with all their columns, a row on one line, however long"
    arguments.add_argument("--wide", action="store_true", default=default, help=what)


def add_verbose_argument(arguments: Arguments, default: object = False) -> None:  # noqa: FBT002  argparse's
    arguments.add_argument("--verbose", action="store_true", default=default, help="log progress to standard error")


def add_subcommands(parser: argparse.ArgumentParser) -> Commands:
    return parser.add_subparsers(required=True, metavar="SUBCOMMAND")


def add_command(commands: Commands, name: str, what: str) -> argparse.ArgumentParser:
    """Described by the line that stands for it in the list of commands."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
    return parser


def add_span_arguments(parser: argparse.ArgumentParser, first: str, last: str, *, required: bool = False) -> None:
    """A command that asks about everything between two moments. `first` and `last` say what each of them is about;
    where they are `required`, the last one is now if it is not given."""
    _moment(parser, ["--from", "--since"], "since", f"{first}: {MOMENT}; of a date from 00:00 UTC", required=required)
    _moment(parser, ["--to", "--until"], "until", f"{last}; of a date its whole day")


def _moment(arguments: Arguments, words: Sequence[str], name: str, what: str, *, required: bool = False) -> None:
    arguments.add_argument(*words, dest=name, type=moment_text, required=required, metavar="MOMENT", help=what)


def moment_text(text: str) -> str:
    """An age is counted from when the command began, once, however many questions it asks. What is no moment is told
    like all that a question does not take."""
    try:
        return NamedMoment.parse(text).absolute(datetime.now(UTC))
    except ValidationError:
        return text


def add_interval_arguments(parser: argparse.ArgumentParser) -> None:
    """A command that asks about now, about a moment, or for intervals."""
    first = "list the intervals from this moment on, with the changes that opened and closed them"
    add_span_arguments(parser, first, "with --from: intervals up to this moment (default: now)")


def span_parameters(args: argparse.Namespace) -> dict[str, object] | None:
    """The parameters of a span, if one is meant. Raises UsageError."""
    if args.since is None:
        if args.until is not None:
            raise UsageError("--to ends what --from begins: give both, or --as-of for one moment.")
        return None
    if args.as_of is not None:
        raise UsageError("--as-of is about one moment, --from and --to about all between two: give one or the other.")
    return {"since": args.since, "until": args.until}


def add_question_arguments(
    parser: argparse.ArgumentParser, run: RunCommand, outputs: Sequence[str] = TABLE_OR_JSON, *, default: object = None
) -> Arguments:
    """A command that asks: whom it asks, and how it shows the answer."""
    parser.set_defaults(run=run)
    common = _add_common_group(parser)
    off = False if default is None else default
    common.add_argument(
        "--output",
        choices=outputs,
        default="table" if default is None else default,
        help="json: one object a line, with all fields",
    )
    add_wide_argument(common, off)
    common.add_argument("--profile", default=default, help="AWS profile with credentials, region and endpoint_url")
    common.add_argument(
        "--endpoint-url", default=default, metavar="URL", help="the server, if other than the profile's"
    )
    common.add_argument("--local", action="store_true", default=off, help="read the database directly, as the operator")
    common.add_argument("--data", default=default, help=f"with --local: data directory of the server {DATA_DEFAULT}")
    common.add_argument("--account-id", default=default, help="with --local: the account, if there are several")
    add_verbose_argument(common, off)
    return common


def credential_kind(text: str) -> str:
    """However it is spelt."""
    kind = text.lower().replace("-", "_")
    if kind not in KIND_NAMES:
        raise argparse.ArgumentTypeError(
            f"there is no kind of credential {text}.{nearest(kind, KIND_NAMES)} There are {', '.join(KIND_NAMES)}."
        )
    return kind


def positive_int(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)
