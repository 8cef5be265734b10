"""The words of the command `muniment`, and how it ends: 0 when all is well, 1 when refused or failed, 2 when it was
not understood, 130 when it was interrupted."""

import argparse
import io
import logging
import os
import sys
import time
from collections.abc import Collection, Sequence
from importlib import import_module

from domain.foundation.errors import Refusal
from services.cli.commands import COMMANDS
from services.cli.lib.arguments import add_command
from services.cli.lib.parser import COMMON_OPTIONS, Parser, ShowVersion, did_you_mean, move_common_options
from services.cli.lib.terminal import Colour, Failure, UsageError, os_error_text, print_note

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2
EXIT_INTERRUPTED = 130
"""As a shell has it of SIGINT: a check that did not come to its end has found neither that all is well nor that it is
not."""
EXIT_CODES = """\
Options that many commands have, such as --output and --profile, may stand before the command or behind it.

exit codes:
  0  all is well
  1  refused or failed; for some commands, something was found: their own --help says what
  2  not understood; nothing was asked or done
  130  interrupted: nothing was found either way
"""


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # For a terminal that cannot write all names.
    words = move_common_options(sys.argv[1:] if arguments is None else arguments)
    try:
        args = _parse(words)
        _log_to_stderr(verbose=args.verbose)
        args.run(args)
        sys.stdout.flush()
    except Failure as failure:
        print_note(str(failure), Colour.RED)
        return EXIT_USAGE if isinstance(failure, UsageError) else EXIT_REFUSED
    except Refusal as refusal:
        print_note(f"{refusal.code}: {refusal.message}", Colour.RED)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        print_note("Interrupted.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has had enough. What is still buffered goes nowhere, instead of failing at exit.
        _discard_output()
    except OSError as error:
        print_note(f"{os_error_text(error)}.", Colour.RED)
        _discard_output()
        return EXIT_REFUSED
    return EXIT_OK


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Raises UsageError."""
    command = next((word for word in words if not word.startswith("-")), None)
    parser = build_parser([] if command is None else [command])
    if command not in COMMANDS:
        before = words if command is None else words[: words.index(command)]
        parser.refuse_unknown_options(before, COMMON_OPTIONS)
    if command is None and not {"-h", "--help", "--version"}.intersection(words):
        parser.error("no command was given")
    if command is not None and command not in COMMANDS:
        parser.error(f"there is no command {command!r}.{did_you_mean(command, COMMANDS)}")
    args = parser.parse_all(words)
    _refuse_contradictions(parser, args)
    return args


def _refuse_contradictions(parser: Parser, args: argparse.Namespace) -> None:
    if not hasattr(args, "local"):
        return
    if args.local and (args.profile is not None or args.endpoint_url is not None):
        parser.error("--local opens the database: it takes neither --profile nor --endpoint-url.")
    if not args.local and (args.data is not None or args.account_id is not None):
        parser.error("--data and --account-id are for --local: a server is asked with its profile.")


def _log_to_stderr(*, verbose: bool) -> None:
    """Warnings in one plain form; with `verbose` also what goes on."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])


def build_parser(complete: Collection[str] = COMMANDS.keys()) -> Parser:
    """Of all commands, with the arguments of those that are named: the modules of the others are not imported."""
    parser = Parser(
        prog="muniment",
        description="An IAM and STS in which every account action is an immutable event.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="show the version and exit")
    parser.set_defaults(whole_parser=build_parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, what in COMMANDS.items():
        command = add_command(commands, name, what)
        if name in complete:
            module = import_module(f"services.cli.commands.{name.replace('-', '_')}")
            module.add_arguments(command)
    return parser
