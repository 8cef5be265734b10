"""The words of the command `muniment`, and how it ends: 0 when all is well, 1 when refused or failed, 2 when it was
not understood, 130 when it was interrupted."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Collection, Sequence
from importlib import import_module

from domain.foundation.errors import Refusal
from services.cli.commands import COMMANDS
from services.cli.lib.arguments import add_command
from services.cli.lib.terminal import Failure, UsageError, print_note

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2
EXIT_INTERRUPTED = 130
"""As a shell has it of SIGINT: a check that did not come to its end has found neither that all is well nor that it is
not."""


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    parser = build_parser(words[:1])
    _refuse_unknown_command(parser, words[:1])
    args = parser.parse_args(words)
    _refuse_contradictions(parser, args)
    _log_to_stderr(verbose=args.verbose)
    try:
        args.run(args)
        sys.stdout.flush()
    except Failure as failure:
        print_note(str(failure))
        return EXIT_USAGE if isinstance(failure, UsageError) else EXIT_REFUSED
    except Refusal as refusal:
        print_note(f"{refusal.code}: {refusal.message}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        print_note("Interrupted.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has had enough. What is still buffered goes nowhere, instead of failing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _refuse_unknown_command(parser: argparse.ArgumentParser, first: Sequence[str]) -> None:
    help_lists_all = f"`{parser.prog} --help` lists all commands."
    if not first:
        parser.error(f"No command was given. {help_lists_all}")
    (word,) = first
    if word.startswith("-") or word in COMMANDS:
        return
    # Nothing else needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    meant = "".join(f" Did you mean {close}?" for close in get_close_matches(word, COMMANDS, n=1))
    parser.error(f"There is no command {word!r}.{meant} {help_lists_all}")


def _refuse_contradictions(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
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


def build_parser(complete: Collection[str] = COMMANDS.keys()) -> argparse.ArgumentParser:
    """Of all commands, with the arguments of those that are named: the modules of the others are not imported."""
    parser = argparse.ArgumentParser(
        prog="muniment", description="An IAM and STS in which every account action is an immutable event."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, what in COMMANDS.items():
        command = add_command(commands, name, what)
        if name in complete:
            module = import_module(f"services.cli.commands.{name.replace('-', '_')}")
            module.add_arguments(command)
    return parser
