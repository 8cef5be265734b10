"""The command that asks for credentials of every kind, and where each stands in its life."""

import argparse
import sys

from domain.foundation.credential_kind import KIND_NAMES
from domain.read_models.credentials import Credential
from services.api.contract.credentials import CredentialsPage, ListCredentials
from services.cli.lib.arguments import add_historical_arguments, credential_kind
from services.cli.lib.client import collect_pages, show_pages
from services.cli.lib.credential_output import CREDENTIALS, EXPORTED
from services.cli.lib.credentials_html import render_credentials
from services.cli.lib.output import short_time
from services.cli.lib.terminal import print_note

OUTPUTS = ("table", "json", "csv", "html")
_NOTES = (
    "LAST USED is written at most once in 15 minutes: the last use may be up to 15 minutes later. Each call is in "
    "`muniment history --access-key-id KEY`. Passwords, MFA devices, SSH keys and certificates are used where "
    "nothing is recorded here. STANDS and NEXT follow from the rule that RULE names, of a "
    "lifecycle profile and its version: see `muniment profile show`."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _NOTES
    parser.add_argument(
        "--kind",
        action="append",
        type=credential_kind,
        metavar="KIND",
        help=f"only of this kind; repeatable: {', '.join(KIND_NAMES)}",
    )
    parser.add_argument(
        "--user", metavar="OWNER", help="only of this user or role, root, server certificate or SAML provider"
    )
    parser.add_argument(
        "--due-within", metavar="SPAN", help="only what is to be replaced or ends within this time, or was: 14d, 2w"
    )
    parser.add_argument("--overdue", action="store_true", help="only what should have been replaced, or has expired")
    parser.add_argument("--idle", action="store_true", help="only what nobody has used for too long")
    add_historical_arguments(parser, run, outputs=OUTPUTS)


def run(args: argparse.Namespace) -> None:
    parameters = {
        "kind": None if args.kind is None else ",".join(args.kind),
        "user": args.user,
        "due_within": args.due_within,
        "overdue": args.overdue or None,
        "idle": args.idle or None,
        "as_of": args.as_of,
    }
    if args.output == "html":
        pages = list(collect_pages(args, ListCredentials, parameters))
        credentials = [each for page in pages for each in page.credentials]
        sys.stdout.write(render_credentials(pages[0].account_id, _asked(args, pages[0]), credentials))
    elif not show_pages(args, ListCredentials, parameters, _rows, CREDENTIALS, exported=EXPORTED):
        filtered = any(value is not None for name, value in parameters.items() if name != "as_of")
        print_note("None of the credentials is so." if filtered else "There was no credential of any kind.")


def _rows(page: CredentialsPage) -> tuple[Credential, ...]:
    return page.credentials


def _asked(args: argparse.Namespace, page: CredentialsPage) -> str:
    only = [
        *([f"of the kinds {', '.join(args.kind)}"] if args.kind else []),
        *([f"of {args.user}"] if args.user else []),
        *([f"due within {args.due_within}"] if args.due_within else []),
        *(["overdue"] if args.overdue else []),
        *(["idle"] if args.idle else []),
    ]
    return f"As of {short_time(page.at)}" + (f", only what is {', '.join(only)}." if only else ", all of them.")
