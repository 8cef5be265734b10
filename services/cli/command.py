"""The words of the command `muniment`, and how it ends: 0 when all is well, 1 when refused or failed, 2 when it was
not understood."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from domain.errors import Refusal
from domain.policy import PolicyType
from services.api.questions import instant, moment
from services.cli import asking
from services.cli.failures import Failure, NotUnderstood
from services.cli.output import say
from services.cli.serving import serve, work

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments)
    _refuse_contradictions(parser, chosen)
    _log_to_stderr(verbose=chosen.verbose)
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except Failure as failure:
        say(str(failure))
        return EXIT_USAGE if isinstance(failure, NotUnderstood) else EXIT_REFUSED
    except Refusal as refusal:
        say(f"{refusal.code}: {refusal.message}")
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
    _add_history(commands)
    what = "the policies of a principal, how it has them, and what can be done with them"
    held = _add(commands, "permissions", asking.permissions, what)
    held.add_argument("principal", metavar="PRINCIPAL", help="name, ARN or unique id of a user, group or role")
    _add_who_can(commands)
    _add_sessions(commands)
    _add(commands, "credentials", asking.credentials, "access keys and passwords: whose, how old, last used when")
    _add_explain(commands)
    _add_account(commands)
    _add_organization(commands)
    _add_rebuild(commands)
    _add_verify(commands)
    _add_policy(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  argparse names it nowhere else


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


def _add_history(commands: Commands) -> None:
    history = _add(commands, "history", asking.history, "every call that fits, refused ones included, in order")
    for name, what in (
        ("access-key-id", "made with this key, or claiming it"),
        ("session-id", "made in this session"),
        ("principal", "made by this ARN (a role's finds its sessions), unique id or user name"),
        ("source-address", "from this address"),
        ("operation", "of this operation, such as CreateUser"),
        ("error-code", "refused with this code, such as AccessDenied"),
    ):
        history.add_argument(f"--{name}", help=what)
    history.add_argument("--since", type=_of(instant), metavar="TIME", help="at this time or later")
    history.add_argument("--until", type=_of(instant), metavar="TIME", help="at this time or earlier")
    history.add_argument("--limit", type=_count, metavar="N", help="the first N of them")


def _add_who_can(commands: Commands) -> None:
    who = _add(commands, "who-can", asking.who_can, "everybody in the account who may do an action to a resource")
    who.add_argument("action", metavar="ACTION", help="such as iam:CreateUser")
    who.add_argument("resource", metavar="RESOURCE", help="an ARN, or '*' where the action is about no single resource")
    assume = _add(commands, "can-assume", asking.can_assume, "everybody who may assume a role, from other accounts too")
    assume.add_argument("role", metavar="ROLE", help="name or ARN of a role of the account")
    for asked in (who, assume):
        asked.add_argument("--everybody", action="store_true", help="tell also of those who may not, and why")


def _add_sessions(commands: Commands) -> None:
    sessions = _add(commands, "sessions", asking.sessions, "the sessions that were issued; `revoke ID` ends one")
    sessions.add_argument("--active", action="store_true", help="only those that are alive")
    actions = sessions.add_subparsers(metavar="revoke")
    revoke = actions.add_parser("revoke", help="end this one session")
    revoke.add_argument("session_id", metavar="ID", help="as `muniment sessions` shows it")
    # Suppressed, so that what stands before `revoke` is not forgotten.
    _add_asking(revoke, default=argparse.SUPPRESS)
    revoke.set_defaults(run=asking.revoke_session)


def _add_explain(commands: Commands) -> None:
    what = "why a call was allowed or denied: its decisions, made again from the ledger"
    explain = commands.add_parser("explain", help=what, description=what[0].upper() + what[1:])
    explain.add_argument("request_id", metavar="REQUEST-ID", help="as the client was told it (x-amzn-requestid)")
    _add_asking(explain)
    explain.set_defaults(run=asking.explain)


def _add_account(commands: Commands) -> None:
    what = "open, list and close the accounts of this installation"
    acts = commands.add_parser("account", help=what, description=what[0].upper() + what[1:]).add_subparsers(
        required=True, metavar="ACT"
    )
    create = _add_operator_s(acts, "create", _create_account, "open an account and print its first credential, as JSON")
    create.epilog = (
        "The credential is printed once. A secret known beforehand comes from MUNIMENT_ROOT_SECRET_ACCESS_KEY and goes "
        "with --root-access-key-id: then nothing is lost with the output."
    )
    create.add_argument("--account-id", metavar="ID", help="twelve digits; drawn, if not given")
    create.add_argument("--alias", metavar="NAME", help="a name for people, unique in the installation")
    create.add_argument(
        "--root-access-key-id", metavar="ID", help="give the root user this key, instead of an administrator with one"
    )
    _add_operating(acts, "list", _list_accounts, "the accounts, closed ones too")
    close = _add_operator_s(acts, "close", _close_account, "end all credentials of an account, for ever")
    close.add_argument("account_id", metavar="ID", help="the account")
    close.add_argument("--yes", action="store_true", help="do not ask")


def _create_account(chosen: argparse.Namespace) -> None:
    # These import what the server does, for which the other commands need not wait.
    from services.cli.accounts import create  # noqa: PLC0415

    create(chosen)


def _list_accounts(chosen: argparse.Namespace) -> None:
    from services.cli.accounts import list_  # noqa: PLC0415

    list_(chosen)


def _close_account(chosen: argparse.Namespace) -> None:
    from services.cli.accounts import close  # noqa: PLC0415

    close(chosen)


def _add_organization(commands: Commands) -> None:
    what = "set, show and remove the organization: units, accounts, service and resource control policies"
    acts = commands.add_parser("organization", help=what, description=what[0].upper() + what[1:]).add_subparsers(
        required=True, metavar="ACT"
    )
    set_ = _add_operating(
        acts, "set", _set_organization, "make the organization what a file says, for all accounts at once"
    )
    set_.add_argument("file", metavar="FILE", help="a tree of units, accounts and policies, as JSON")
    _add_operating(acts, "show", _show_organization, "the organization that is in force; json: as a file for `set`")
    _add_operating(acts, "remove", _remove_organization, "end the organization: its policies limit no account any more")


def _set_organization(chosen: argparse.Namespace) -> None:
    from services.cli.organization import set_  # noqa: PLC0415

    set_(chosen)


def _show_organization(chosen: argparse.Namespace) -> None:
    from services.cli.organization import show  # noqa: PLC0415

    show(chosen)


def _remove_organization(chosen: argparse.Namespace) -> None:
    from services.cli.organization import remove  # noqa: PLC0415

    remove(chosen)


def _add_rebuild(commands: Commands) -> None:
    what = "build projections anew from the ledgers and compare them with the live ones"
    rebuild = _add_operating(commands, "rebuild", _rebuild, what)
    rebuild.add_argument("name", nargs="*", metavar="NAME", help="a projection, such as trail; all, if none is named")
    rebuild.add_argument("--swap", action="store_true", help="put the new tables into the place of the live ones")


def _add_verify(commands: Commands) -> None:
    what = "check the ledgers and what is kept beside them"
    verify = _add_operating(commands, "verify", _verify, what)
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
    from services.cli.linting import lint_file  # noqa: PLC0415

    lint_file(chosen)


def _add_operating(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], what: str
) -> argparse.ArgumentParser:
    """One that shows a table."""
    parser = _add_operator_s(commands, name, run, what)
    parser.add_argument("--output", choices=("table", "json"), default="table", help="json: one object a line")
    return parser


def _add_operator_s(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], what: str
) -> argparse.ArgumentParser:
    """A command of the operator on the database itself, whether a server runs or not."""
    parser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
    parser.add_argument("--data", help="the server's directory (MUNIMENT_DATA, ./data)")
    parser.add_argument("--verbose", action="store_true", help="log on standard error what goes on")
    parser.set_defaults(run=run)
    return parser


def _rebuild(chosen: argparse.Namespace) -> None:
    from services.cli.rebuilding import rebuild  # noqa: PLC0415

    rebuild(chosen)


def _verify(chosen: argparse.Namespace) -> None:
    from services.cli.verifying import verify  # noqa: PLC0415

    verify(chosen)


def _add(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:])
    parser.add_argument(
        "--as-of",
        type=_of(moment),
        metavar="TIME|pPOSITION",
        help="as it was then; a time is RFC 3339, in whole with offset",
    )
    _add_asking(parser)
    parser.set_defaults(run=run)
    return parser


def _add_asking(parser: argparse.ArgumentParser, default: object = None) -> None:
    off = False if default is None else default
    parser.add_argument(
        "--output",
        choices=("table", "json"),
        default="table" if default is None else default,
        help="json: one object a line, with everything that is known",
    )
    parser.add_argument("--profile", default=default, help="AWS profile with credentials, region and endpoint_url")
    parser.add_argument("--endpoint-url", default=default, metavar="URL", help="the server, if not the profile's")
    parser.add_argument("--local", action="store_true", default=off, help="ask the database itself, as the operator")
    parser.add_argument("--data", default=default, help="with --local: the server's directory (MUNIMENT_DATA, ./data)")
    parser.add_argument("--account-id", default=default, help="with --local: the account, if there are several")
    parser.add_argument("--verbose", action="store_true", default=off, help="log on standard error what goes on")


def _of(reads: Callable[[str], T]) -> Callable[[str], T]:
    """A refused argument is one that was not understood."""

    def read(text: str) -> T:
        try:
            return reads(text)
        except Refusal as refusal:
            raise argparse.ArgumentTypeError(refusal.message) from refusal

    return read


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)
