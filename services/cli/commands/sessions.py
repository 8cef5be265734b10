"""The commands about sessions."""

import argparse
from collections.abc import Sequence

from domain.foundation.errors import NoSuchEntity, Refusal
from domain.foundation.identifiers import account_of_arn
from domain.read_models.sessions import SessionDetails
from services.api.contract.question import ROWS_MAX
from services.api.contract.sessions import ListSessions, RevokedSession, RevokeSession
from services.cli.lib.arguments import add_compromised_since, add_historical_arguments, add_question_arguments
from services.cli.lib.client import ask, show_pages
from services.cli.lib.lineage_tree import show_lineage_tree
from services.cli.lib.output import Column, arn_resource, make_output, short_arn, short_time
from services.cli.lib.terminal import Failure, UsageError, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--active", action="store_true", help="only active sessions")
    parser.add_argument(
        "--tree",
        metavar="CREDENTIAL",
        help="the lineage of this key, session, user or role: what it created, and what is still active",
    )
    parser.usage = "%(prog)s [OPTION ...]\n       %(prog)s revoke ID [OPTION ...]"
    actions = parser.add_subparsers(title="subcommand", metavar="SUBCOMMAND", prog=parser.prog)
    revoke = actions.add_parser("revoke", help="revoke a session")
    revoke.add_argument("session_id", metavar="ID", help="as `muniment sessions` shows it")
    # Suppressed, so that what stands before `revoke` is not forgotten.
    add_question_arguments(revoke, _revoke, default=argparse.SUPPRESS)
    add_compromised_since(parser)
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    if args.tree is not None:
        if args.active:
            raise UsageError("--tree shows what is active and what is not: it takes no --active.")
        show_lineage_tree(args, args.tree)
        return
    if args.compromised_since is not None:
        raise UsageError("--compromised-since is about the descendants that --tree shows.")
    parameters = {"active": args.active or None, "as_of": args.as_of}
    if not show_pages(args, ListSessions, parameters, lambda page: page.sessions, SESSIONS):
        print_note("There was no active session." if args.active else "There was no session.")


def _revoke(args: argparse.Namespace) -> None:
    """Raises Failure that names the session which was probably meant, where there is none of that id."""
    try:
        revoked = ask(args, RevokeSession, {"session_id": args.session_id})
    except UsageError as refusal:
        raise UsageError(f"{refusal}{_meant(args)}") from refusal
    except (Failure, NoSuchEntity) as refusal:
        raise Failure(f"{refusal}{_meant(args)}") from refusal
    make_output(args, REVOKED).show([revoked])


def _meant(args: argparse.Namespace) -> str:
    """A sentence; nothing where no session is like it, or whoever asks may not list them."""
    known: dict[str, SessionDetails] = {}
    try:
        for session in ask(args, ListSessions, {"active": True, "limit": ROWS_MAX}).sessions:
            name = session.principal_arn.rsplit("/", 1)[-1]
            known |= dict.fromkeys((session.session_id, session.access_key_id, name), session)
    except (Failure, Refusal):
        return ""
    # Nothing else needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    close = get_close_matches(args.session_id, known, n=1, cutoff=NEAR)
    return "".join(
        f" Did you mean {known[each].session_id}, of {arn_resource(known[each].principal_arn)}?" for each in close
    )


NEAR = 0.3
"""So like must a session be: of its id, its name or its key id."""


def _issued_by(session: SessionDetails) -> str:
    return short_arn(session.minted_by_arn, account_of_arn(session.entity_arn) or "")


def _state(session: SessionDetails) -> str:
    if session.active:
        return "active"
    if session.revoked_at is not None:
        return "revoked " + short_time(session.revoked_at)
    return "expired" if session.orphaned_at is None else "orphaned " + short_time(session.orphaned_at)


SESSIONS: Sequence[Column[SessionDetails]] = (
    Column("SESSION", lambda session: session.session_id),
    Column("PRINCIPAL", lambda session: arn_resource(session.principal_arn), least=20),
    Column("ISSUED BY", _issued_by, least=10),
    Column("SOURCE", lambda session: session.source_address),
    Column("ISSUED", lambda session: short_time(session.issued_at)),
    Column("EXPIRES", lambda session: short_time(session.expires_at)),
    Column("STATE", _state, least=10),
    Column("ACCESS KEY", lambda session: session.access_key_id, wide=True),
)
REVOKED: Sequence[Column[RevokedSession]] = (
    Column("SESSION", lambda revoked: revoked.session_id),
    Column("PRINCIPAL", lambda revoked: arn_resource(revoked.principal_arn), least=20),
    Column("REVOKED", lambda revoked: short_time(revoked.revoked_at)),
    Column("POSITION", lambda revoked: str(revoked.revoked_position)),
)
