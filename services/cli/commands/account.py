"""The command `account`: opens, lists and closes accounts, as the operator on the database itself."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from domain.foundation.identifiers import PARTITION, arn
from domain.foundation.secret import Secret
from domain.installation import OpenedAccount
from domain.rules.accounts import Partition
from services.accounts import NewAccount, close_account, list_accounts, open_account
from services.cli.lib.arguments import (
    add_command,
    add_operator_arguments,
    add_operator_table_arguments,
    add_subcommands,
)
from services.cli.lib.operator_database import (
    open_or_create_database,
    operator_ledger,
    operator_settings,
    recording_ledger,
)
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.terminal import Failure, UsageError, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    create = add_command(commands, "create", "open an account and print its first credential, as JSON")
    create.epilog = (
        "The credential is printed once. A secret known beforehand comes from MUNIMENT_ROOT_SECRET_ACCESS_KEY and goes "
        "with --root-access-key-id: then nothing is lost with the output."
    )
    add_operator_arguments(create, _create)
    create.add_argument("--account-id", metavar="ID", help="twelve digits; generated if not given")
    create.add_argument(
        "--partition",
        choices=get_args(Partition),
        default=PARTITION,
        help="what its ARNs begin with, and whose regions its clients sign for (default: aws)",
    )
    create.add_argument("--alias", metavar="NAME", help="a name for people, unique in the installation")
    create.add_argument(
        "--root-access-key-id",
        metavar="ID",
        help="give this key to the root user, instead of creating an administrator",
    )
    add_operator_table_arguments(add_command(commands, "list", "list the accounts, including closed ones"), _list)
    close = add_command(commands, "close", "permanently invalidate all credentials of an account")
    add_operator_arguments(close, _close)
    close.add_argument("account_id", metavar="ID", help="the account")
    close.add_argument("--yes", action="store_true", help="do not ask")


ROOT_SECRET = "MUNIMENT_ROOT_SECRET_ACCESS_KEY"  # noqa: S105  the name of the variable
SECRET_CHARACTERS_MAX = 128


def _create(args: argparse.Namespace) -> None:
    """Prints the credential when the account is there, and never again."""
    wanted = {
        "account_id": args.account_id,
        "partition": args.partition,
        "alias": args.alias,
        "root_access_key_id": args.root_access_key_id,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    secret = _root_secret(args)
    opening = NewAccount(**given) if secret is None else NewAccount(**given, secret=secret)
    with recording_ledger(operator_settings(args), open_or_create_database) as ledger:
        key = open_account(ledger.committer, opening)
    is_root = key.user_id == opening.account_id
    credential = {
        "AccountId": opening.account_id,
        "AccountAlias": opening.alias,
        "Arn": arn(opening.partition, "iam", opening.account_id, "root" if is_root else f"user/{key.user_name}"),
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": opening.secret.reveal(),
    }
    sys.stdout.write(json.dumps(credential, indent=2) + "\n")


def _close(args: argparse.Namespace) -> None:
    if not args.yes:
        _confirm(args.account_id)
    with operator_ledger(args) as ledger:
        close_account(ledger.committer, args.account_id)
    print_note(f"The account {args.account_id} is closed: none of its credentials is accepted any more.")


def _list(args: argparse.Namespace) -> None:
    with operator_ledger(args) as ledger:
        opened = list_accounts(ledger.committer)
    rows = [AccountRow.of(account_id, opened[account_id]) for account_id in sorted(opened)]
    make_output(args, ACCOUNTS).show(rows)
    if not rows:
        print_note("There is no account.")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A line of the list. Times are RFC 3339."""

    account_id: str
    alias: str | None
    state: str
    opened_at: str
    closed_at: str | None

    @classmethod
    def of(cls, account_id: str, opened: OpenedAccount) -> "AccountRow":
        closed_at = None if opened.retired_at is None else short_time(opened.retired_at)
        return cls(
            account_id, opened.alias, "open" if closed_at is None else "closed", short_time(opened.opened_at), closed_at
        )


ACCOUNTS: Sequence[Column[AccountRow]] = (
    Column("ACCOUNT", lambda listed: listed.account_id),
    Column("ALIAS", lambda listed: listed.alias),
    Column("STATE", lambda listed: listed.state),
    Column("OPENED", lambda listed: listed.opened_at),
    Column("CLOSED", lambda listed: listed.closed_at),
)


def _root_secret(args: argparse.Namespace) -> Secret | None:
    """Raises UsageError when it goes with no key id, or no client could use it."""
    text = os.environ.get(ROOT_SECRET)
    if text is None:
        return None
    if args.root_access_key_id is None:
        raise UsageError(f"{ROOT_SECRET} is the secret of which key? Name it with --root-access-key-id.")
    sane = text.isascii() and text.isprintable() and " " not in text
    if not sane or not 1 <= len(text) <= SECRET_CHARACTERS_MAX:
        raise UsageError(
            f"{ROOT_SECRET} must be 1 to {SECRET_CHARACTERS_MAX} printable ASCII characters without spaces; "
            f"it holds {len(text)} characters."
        )
    return Secret(text)


def _confirm(account_id: str) -> None:
    """Raises Failure unless somebody at a terminal types the account id."""
    if not sys.stdin.isatty():
        raise UsageError("Closing an account cannot be undone: pass --yes when there is no terminal to confirm on.")
    print_note(f"Closing {account_id} ends all of its credentials and cannot be undone. Type the account id to go on:")
    if sys.stdin.readline().strip() != account_id:
        raise Failure("Nothing was closed.")
