"""The words of the command `muniment`, and how it ends: 0 when all is well, 1 when refused or failed, 2 when it was
not understood."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence

from domain.foundation.errors import Refusal
from domain.policy import PolicyType
from services.cli.commands import (
    contain,
    credentials,
    diff,
    explain,
    history,
    least_privilege,
    permissions,
    sessions,
    trace,
    unusual,
    what_if,
    who_can,
)
from services.cli.commands.serve import serve, work
from services.cli.lib.arguments import Commands, RunCommand
from services.cli.lib.failures import Failure, UsageError
from services.cli.lib.output import print_note

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2

QUESTION_COMMANDS = (
    history,
    permissions,
    who_can,
    diff,
    sessions,
    credentials,
    explain,
    unusual,
    contain,
    trace,
    what_if,
    least_privilege,
)
"""The families of questions, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments)
    _refuse_contradictions(parser, chosen)
    _log_to_stderr(verbose=chosen.verbose)
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except Failure as failure:
        print_note(str(failure))
        return EXIT_USAGE if isinstance(failure, UsageError) else EXIT_REFUSED
    except Refusal as refusal:
        print_note(f"{refusal.code}: {refusal.message}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_REFUSED
    except BrokenPipeError:
        # Whoever reads has had enough. What is still buffered goes nowhere, instead of failing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _refuse_contradictions(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    if not hasattr(chosen, "local"):
        return
    if chosen.local and (chosen.profile is not None or chosen.endpoint_url is not None):
        parser.error("--local opens the database: it takes neither --profile nor --endpoint-url")
    if not chosen.local and (chosen.data is not None or chosen.account_id is not None):
        parser.error("--data and --account-id are for --local: a server is asked with its profile")


def _log_to_stderr(*, verbose: bool) -> None:
    """Warnings in one plain form; with `verbose` also what goes on."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="muniment", description="An IAM and STS in which every account action is an immutable event."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_worker(commands)
    for family in QUESTION_COMMANDS:
        family.add(commands)
    _add_account(commands)
    _add_organization(commands)
    _add_migrate(commands)
    _add_rebuild(commands)
    _add_verify(commands)
    _add_policy(commands)
    return parser


def _add_serve(commands: Commands) -> None:
    serving = commands.add_parser("serve", help="run the server until it is interrupted")
    serving.add_argument("--data", help="directory of database, master key and profile (MUNIMENT_DATA, ./data)")
    serving.add_argument("--listen", help="HOST:PORT (MUNIMENT_LISTEN, 127.0.0.1:8420)")
    serving.add_argument(
        "--without",
        action="append",
        default=[],
        choices=("scheduler", "projections"),
        help="leave this to a `muniment worker` on the same database (may be given twice)",
    )
    serving.add_argument("--verbose", action="store_true", help="log on standard error what goes on")
    serving.set_defaults(run=serve)


def _add_worker(commands: Commands) -> None:
    what = "run scheduler and projections beside servers on the same database, until interrupted"
    working = commands.add_parser("worker", help=what, description=what[0].upper() + what[1:])
    working.add_argument("--data", help="the directory of a server that runs (MUNIMENT_DATA, ./data)")
    working.add_argument("--verbose", action="store_true", help="log on standard error what goes on")
    working.set_defaults(run=work)


def _add_account(commands: Commands) -> None:
    what = "open, list and close the accounts of this installation"
    acts = commands.add_parser("account", help=what, description=what[0].upper() + what[1:]).add_subparsers(
        required=True, metavar="ACT"
    )
    create = _add_operator_command(
        acts, "create", _create_account, "open an account and print its first credential, as JSON"
    )
    create.epilog = (
        "The credential is printed once. A secret known beforehand comes from MUNIMENT_ROOT_SECRET_ACCESS_KEY and goes "
        "with --root-access-key-id: then nothing is lost with the output."
    )
    create.add_argument("--account-id", metavar="ID", help="twelve digits; drawn, if not given")
    create.add_argument("--alias", metavar="NAME", help="a name for people, unique in the installation")
    create.add_argument(
        "--root-access-key-id", metavar="ID", help="give the root user this key, instead of an administrator with one"
    )
    _add_operator_table_command(acts, "list", _list_accounts, "the accounts, closed ones too")
    close = _add_operator_command(acts, "close", _close_account, "end all credentials of an account, for ever")
    close.add_argument("account_id", metavar="ID", help="the account")
    close.add_argument("--yes", action="store_true", help="do not ask")


def _create_account(chosen: argparse.Namespace) -> None:
    # These import what the server does, for which the other commands need not wait.
    from services.cli.commands.account import create_account  # noqa: PLC0415

    create_account(chosen)


def _list_accounts(chosen: argparse.Namespace) -> None:
    from services.cli.commands.account import show_accounts  # noqa: PLC0415

    show_accounts(chosen)


def _close_account(chosen: argparse.Namespace) -> None:
    from services.cli.commands.account import close_chosen_account  # noqa: PLC0415

    close_chosen_account(chosen)


def _add_organization(commands: Commands) -> None:
    what = "set, show and remove the organization: units, accounts, service and resource control policies"
    acts = commands.add_parser("organization", help=what, description=what[0].upper() + what[1:]).add_subparsers(
        required=True, metavar="ACT"
    )
    set_ = _add_operator_table_command(
        acts, "set", _set_organization, "make the organization what a file says, for all accounts at once"
    )
    set_.add_argument("file", metavar="FILE", help="a tree of units, accounts and policies, as JSON")
    _add_operator_table_command(
        acts, "show", _show_organization, "the organization that is in force; json: as a file for `set`"
    )
    _add_operator_table_command(
        acts, "remove", _remove_organization, "end the organization: its policies limit no account any more"
    )


def _set_organization(chosen: argparse.Namespace) -> None:
    from services.cli.commands.organization import set_from_file  # noqa: PLC0415

    set_from_file(chosen)


def _show_organization(chosen: argparse.Namespace) -> None:
    from services.cli.commands.organization import show_organization  # noqa: PLC0415

    show_organization(chosen)


def _remove_organization(chosen: argparse.Namespace) -> None:
    from services.cli.commands.organization import remove_chosen  # noqa: PLC0415

    remove_chosen(chosen)


def _add_migrate(commands: Commands) -> None:
    what = "bring the database to this version, as the ledger's owner (MUNIMENT_OWNER_DATABASE_URL)"
    migrate = _add_operator_command(commands, "migrate", _migrate, what)
    migrate.epilog = "The embedded database needs no such command: every start of the server migrates it."
    migrate.add_argument("--login", metavar="ROLE", help="the servers' login (that in MUNIMENT_DATABASE_URL)")


def _add_rebuild(commands: Commands) -> None:
    what = "build projections anew from the ledgers and compare them with the live ones"
    rebuild = _add_operator_table_command(commands, "rebuild", _rebuild, what)
    rebuild.add_argument("name", nargs="*", metavar="NAME", help="a projection, such as trail; all, if none is named")
    rebuild.add_argument("--swap", action="store_true", help="put the new tables into the place of the live ones")


def _add_verify(commands: Commands) -> None:
    what = "check the ledgers and what is kept beside them"
    verify = _add_operator_table_command(commands, "verify", _verify, what)
    verify.add_argument("--account-id", help="only this account, and the installation's ledger")


def _add_policy(commands: Commands) -> None:
    what = "look at policies before they are used"
    acts = commands.add_parser("policy", help=what, description=what[0].upper() + what[1:]).add_subparsers(
        required=True, metavar="ACT"
    )
    what = "say what is wrong, dangerous or pointless in a policy; asks no server"
    linting = acts.add_parser("lint", help=what, description=what[0].upper() + what[1:])
    linting.epilog = "Exit code 1 when there is an ERROR or a SECURITY_WARNING."
    linting.add_argument("file", metavar="FILE", help="the policy, in JSON; - is standard input")
    linting.add_argument(
        "--type", choices=[known.value for known in PolicyType], default="identity", help="what it is for (identity)"
    )
    linting.add_argument("--output", choices=("table", "json"), default="table", help="json: one object a line")
    linting.add_argument("--verbose", action="store_true", help="log on standard error what goes on")
    linting.set_defaults(run=_lint_policy)


def _lint_policy(chosen: argparse.Namespace) -> None:
    from services.cli.commands.policy_lint import lint_policy_file  # noqa: PLC0415

    lint_policy_file(chosen)


def _add_operator_table_command(commands: Commands, name: str, run: RunCommand, what: str) -> argparse.ArgumentParser:
    """One that shows a table."""
    parser = _add_operator_command(commands, name, run, what)
    parser.add_argument("--output", choices=("table", "json"), default="table", help="json: one object a line")
    return parser


def _add_operator_command(commands: Commands, name: str, run: RunCommand, what: str) -> argparse.ArgumentParser:
    """A command of the operator on the database itself, whether a server runs or not."""
    parser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
    parser.add_argument("--data", help="the server's directory (MUNIMENT_DATA, ./data)")
    parser.add_argument("--verbose", action="store_true", help="log on standard error what goes on")
    parser.set_defaults(run=run)
    return parser


def _migrate(chosen: argparse.Namespace) -> None:
    from services.cli.commands.migrate import migrate  # noqa: PLC0415

    migrate(chosen)


def _rebuild(chosen: argparse.Namespace) -> None:
    from services.cli.commands.rebuild import rebuild  # noqa: PLC0415

    rebuild(chosen)


def _verify(chosen: argparse.Namespace) -> None:
    from services.cli.commands.verify import verify  # noqa: PLC0415

    verify(chosen)
