"""Sessions: those that were issued, and the end of one."""

from domain.account import Account
from domain.calls import Outcome
from domain.families.sessions import REVOCATIONS, SessionRevoked
from domain.foundation.errors import NoSuchEntity
from projections.engine.sql_files import load_statements
from projections.queries.readable import require_readable
from projections.queries.sessions import issued_sessions
from services.api.contract.page_markers import make_marker
from services.api.contract.sessions import ListSessions, RevokedSession, RevokeSession, SessionsPage
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester

SQL = load_statements("services.api.handlers", "sessions.sql")


@handles(ListSessions)
def answer_list_sessions(question: ListSessions, context: AnswerContext) -> SessionsPage:
    (after,) = question.place or (0,)
    account_id, size = context.account_id, question.limit
    found = issued_sessions(
        context.cursor, account_id, context.as_of, active_only=question.active, after_position=after, limit=size
    )
    return SessionsPage(
        account_id=account_id,
        limit=size,
        marker=make_marker("ListSessions", found[-1].position) if len(found) == size else None,
        sessions=tuple(found),
    )


@decides(RevokeSession)
def decide_revoke_session(question: RevokeSession, account: Account, _requester: Requester) -> Outcome:
    """The account keeps no list of live sessions, so any id that can be one is revoked: a session that was issued
    a moment ago, and that no table knows yet, must not slip through."""
    revoked = question.session_id in account[REVOCATIONS]
    return Outcome(lambda _after: {}, () if revoked else (SessionRevoked(session_id=question.session_id),))


@handles(RevokeSession)
def answer_revoke_session(question: RevokeSession, context: AnswerContext) -> RevokedSession:
    account_id, session_id = context.account_id, question.session_id
    require_readable(context.cursor, "sessions")
    row = context.cursor.execute(SQL["revoked"], {"account_id": account_id, "session_id": session_id}).fetchone()
    if row is None:
        raise NoSuchEntity(
            f"Account {account_id} has issued no session {session_id}. The revocation remains in effect."
        )
    return RevokedSession.of_row((account_id, session_id, *row))
