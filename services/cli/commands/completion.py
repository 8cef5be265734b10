"""The command that writes completion scripts for shells."""

import argparse
import sys

from services.cli.lib.completion import SHELLS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "For bash and zsh put `source <(muniment completion SHELL)` into ~/.bashrc or ~/.zshrc; for fish write it to "
        "~/.config/fish/completions/muniment.fish."
    )
    parser.add_argument("shell", metavar="SHELL", choices=list(SHELLS), help="bash, zsh or fish")
    parser.set_defaults(run=run, verbose=False)


def run(args: argparse.Namespace) -> None:
    sys.stdout.write(SHELLS[args.shell](args.whole_parser()))
