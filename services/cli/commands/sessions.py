"""The commands about sessions."""

import argparse
import re
from collections.abc import Iterator, Sequence

from domain.foundation.errors import NoSuchEntity, Refusal
from domain.foundation.identifiers import SESSION, account_of_arn, canonical_id
from domain.foundation.nearest import close_to
from domain.read_models.sessions import SessionDetails
from services.api.contract.question import ROWS_MAX
from services.api.contract.sessions import ListSessions, RevokedSession, RevokeSession
from services.cli.lib.arguments import add_compromised_since, add_historical_arguments, add_question_arguments
from services.cli.lib.client import ask, open_client, show_pages
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
    revoke.add_argument("session_id", metavar="ID", help="its id, key id, or name, as `muniment sessions` shows it")
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
    """By its id, or by what else means one active session. Raises Failure that names the session which was probably
    meant, where there is none."""
    session_id = canonical_id(args.session_id)
    if not session_id.startswith(SESSION):
        session_id = _only_session(args, session_id)
    try:
        revoked = ask(args, RevokeSession, {"session_id": session_id})
    except UsageError as refusal:
        raise UsageError(f"{refusal}{_meant(args)}") from refusal
    except (Failure, NoSuchEntity) as refusal:
        raise Failure(f"{refusal}{_meant(args)}") from refusal
    make_output(args, REVOKED).show([revoked])


def _only_session(args: argparse.Namespace, named: str) -> str:
    """The id of the active one with this key id, or what principals are called; itself where there is none. Raises
    UsageError where there are several."""
    found = [each for each in _active(args) if named in _forms(each)]
    if len(found) > 1:
        told = " or ".join(f"{each.access_key_id} of {short_time(each.issued_at)}" for each in found)
        raise UsageError(f"{named} is the name of several sessions: {told}. Give the key id of the one that you mean.")
    return found[0].session_id if found else named


def _forms(session: SessionDetails) -> tuple[str, ...]:
    """Each is this session's, or that of others of its name. A user or root is none: it has other sessions."""
    resource = arn_resource(session.principal_arn)
    name = resource.rpartition("/")[2]
    if resource.startswith("federated-user/"):
        account_id = account_of_arn(session.principal_arn)
        return session.access_key_id, session.principal_arn, resource, f"{account_id}:{name}"
    if not resource.startswith("assumed-role/"):
        return (session.access_key_id,)
    forms = (resource, resource.removeprefix("assumed-"), f"{session.entity_id}:{name}")
    return session.access_key_id, session.principal_arn, *forms


def _active(args: argparse.Namespace) -> Iterator[SessionDetails]:
    """Nothing where whoever asks may not list them."""
    marker = None
    try:
        with open_client(args) as client:
            while True:
                page = client.ask(ListSessions(active=True, limit=ROWS_MAX, marker=marker))
                yield from page.sessions
                marker = page.marker
                if marker is None:
                    return
    except (Failure, Refusal):
        return


def _meant(args: argparse.Namespace) -> str:
    """A sentence; nothing where no active session is like it. One of another principal is not meant where the principal
    was named."""
    given = canonical_id(args.session_id)
    known = {form: session for session in _active(args) for form in (session.session_id, *_forms(session))}
    principal = re.match("(?:arn:[^/]*:)?(?:assumed-)?role/([^/]+)/|(AROA[A-Z0-9]+):", given)
    named = None if principal is None else (principal[1] or principal[2])
    of_principal = [
        form
        for form, session in known.items()
        if named is None or named in {session.entity_id, arn_resource(session.principal_arn).split("/")[1]}
    ]
    return "".join(
        f" Did you mean {known[each].session_id}, of {arn_resource(known[each].principal_arn)}?"
        for each in close_to(given, of_principal)
    )


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
    Column("SOURCE IDENTITY", lambda session: session.source_identity, wide=True),
    Column("TAGS", lambda session: ", ".join(f"{tag.key}={tag.value}" for tag in session.tags) or None, wide=True),
)
REVOKED: Sequence[Column[RevokedSession]] = (
    Column("SESSION", lambda revoked: revoked.session_id),
    Column("PRINCIPAL", lambda revoked: arn_resource(revoked.principal_arn), least=20),
    Column("REVOKED", lambda revoked: short_time(revoked.revoked_at)),
    Column("POSITION", lambda revoked: str(revoked.revoked_position)),
)
