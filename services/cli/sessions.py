"""The commands about sessions."""

import argparse
from collections.abc import Sequence

from domain.identifiers import account_of_arn
from services.api.sessions import ListSessions, RevokedSession, RevokeSession, Session
from services.cli.asking import asked, meant, show
from services.cli.failures import NotUnderstood
from services.cli.lineage import show_tree
from services.cli.output import Column, output, resource, say, short, time
from services.cli.words import Commands, asks, reading


def add(commands: Commands) -> None:
    sessions = reading(commands, "sessions", _sessions, "the sessions that were issued; `revoke ID` ends one")
    sessions.add_argument("--active", action="store_true", help="only those that are alive")
    sessions.add_argument(
        "--tree", metavar="CREDENTIAL", help="what this key, session, user or role gave birth to, and what of it lives"
    )
    actions = sessions.add_subparsers(metavar="revoke")
    revoke = actions.add_parser("revoke", help="end this one session")
    revoke.add_argument("session_id", metavar="ID", help="as `muniment sessions` shows it")
    # Suppressed, so that what stands before `revoke` is not forgotten.
    asks(revoke, default=argparse.SUPPRESS)
    revoke.set_defaults(run=_revoke)


def _sessions(chosen: argparse.Namespace) -> None:
    if chosen.tree is not None:
        if chosen.active:
            raise NotUnderstood("--tree shows what lives and what does not: it takes no --active.")
        show_tree(chosen, chosen.tree)
        return
    parameters = {"active": chosen.active or None, "as_of": chosen.as_of}
    if not show(chosen, ListSessions, parameters, lambda page: page.sessions, SESSIONS):
        say("There was no active session." if chosen.active else "There was no session.")


def _revoke(chosen: argparse.Namespace) -> None:
    with asked(chosen) as answering:
        revoked = answering.ask(meant(RevokeSession, {"session_id": chosen.session_id}))
    output(chosen.output, REVOKED).show([revoked])


def _minter(session: Session) -> str:
    return short(session.minted_by_arn, account_of_arn(session.entity_arn) or "")


def _state(session: Session) -> str:
    if session.active:
        return "active"
    if session.revoked_at is not None:
        return "revoked " + time(session.revoked_at)
    return "expired" if session.orphaned_at is None else "orphaned " + time(session.orphaned_at)


SESSIONS: Sequence[Column[Session]] = (
    Column("SESSION", lambda session: session.session_id),
    Column("PRINCIPAL", lambda session: resource(session.principal_arn), shrinks=True),
    Column("MINTED BY", _minter, shrinks=True),
    Column("ISSUED", lambda session: time(session.issued_at)),
    Column("EXPIRES", lambda session: time(session.expires_at)),
    Column("STATE", _state),
    Column("ACCESS KEY", lambda session: session.access_key_id),
    Column("SOURCE", lambda session: session.source_address),
)
REVOKED: Sequence[Column[RevokedSession]] = (
    Column("SESSION", lambda revoked: revoked.session_id),
    Column("PRINCIPAL", lambda revoked: resource(revoked.principal_arn), shrinks=True),
    Column("REVOKED", lambda revoked: time(revoked.revoked_at)),
    Column("POSITION", lambda revoked: str(revoked.revoked_position)),
)
