"""Sessions: those that were issued, and the end of one."""

from domain.account import Account
from domain.calls import NeedsFacts, Outcome
from domain.families.credential_owners import OwnerFacts, OwnerQuery
from domain.families.sessions import REVOCATIONS, SessionRevoked
from domain.foundation.errors import NoSuchEntity, Throttling
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
def decide_revoke_session(question: RevokeSession, account: Account, requester: Requester) -> Outcome:
    """The account keeps no list of its sessions: the tables say that there is none of the id. One that they may not
    know yet must not slip through. Raises NoSuchEntity and NeedsFacts."""
    if question.session_id in account[REVOCATIONS]:
        return Outcome(lambda _after: {})
    facts = requester.facts
    if not isinstance(facts, OwnerFacts):
        wanted = OwnerQuery(account.id, question.session_id, requester.at)
        raise NeedsFacts(wanted, unsettled=Throttling("Whether there is such a session could not be found in time."))
    if facts.complete and all(owner.kind != "session" for owner in facts.owners):
        raise NoSuchEntity(f"Account {account.id} has issued no session {question.session_id}.")
    return Outcome(lambda _after: {}, (SessionRevoked(session_id=question.session_id),))


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
