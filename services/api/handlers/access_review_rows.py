"""What has become of an access review: its lines, who has decided them, and what has changed since."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from domain.account import Account
from domain.families.access_reviews import AccessReview, AccessReviewLinesDecided
from domain.families.groups import MEMBERSHIPS
from domain.families.reports import TRACKED
from domain.foundation.events import Entry
from domain.foundation.moments import AsOf, Moment
from domain.policy import Effect, Policy
from domain.queries.review_lines import (
    CREDENTIALS,
    ReviewLine,
    last_credential_use,
    lines_sha256,
    policies_of,
    review_lines,
)
from domain.queries.review_report import (
    MadeDecision,
    ReviewRow,
    decisions_of,
    is_traced,
    review_rows,
    trace_presence,
    traced_row,
)
from domain.read_models.last_accesses import OperationUse
from domain.rules.access_reviews import find_review
from projections.queries.last_accesses import last_uses
from projections.queries.ledger_positions import resolve_in_projection
from services.api.contract.access_reviews import (
    AccessReviewDetails,
    AccessReviewLine,
    AccessReviewPage,
    GetAccessReview,
    ReviewTally,
)
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles
from services.ledger.review_lines import lines_in

CHANGES_MAX = 50_000
"""So many since the start are gone through for where lines came and went."""
ENTRIES_READ = 1_000
"""At once."""
KEPT_MAX = 2
"""Reviews whose rows are kept, for their next pages."""


@dataclass(frozen=True, slots=True)
class _Rows:
    rows: Sequence[ReviewRow]
    traced: bool
    verified: bool


_lock = Lock()
_kept: dict[tuple[int, str, datetime], tuple[Account, _Rows]] = {}
"""By the identity of the account's value, the review's id and the moment; least recently used first."""


@handles(GetAccessReview)
def answer_get_access_review(question: GetAccessReview, context: AnswerContext) -> AccessReviewPage:
    first, pinned = question.place or (0, None)
    as_of = context.as_of
    if pinned is not None and question.moment is None:
        as_of = AsOf(as_of.now, position=pinned)
    moment = resolve_in_projection(context.cursor, "last_accesses", context.account_id, as_of)
    account = context.own(moment.position)
    review = find_review(account, question.name)
    found = _rows(context, account, review, moment)
    page = found.rows[first : first + question.limit]
    end = first + len(page)
    return AccessReviewPage(
        account_id=account.id,
        limit=question.limit,
        marker=make_marker("GetAccessReview", end, moment.position) if end < len(found.rows) else None,
        review=review_details(review, moment.at),
        started_by=_actor(context, review.started_position),
        closed_by=None if review.closed is None else _actor(context, review.closed.position),
        position=moment.position,
        at=moment.at,
        lines_verified=found.verified,
        traced=found.traced,
        counts=Counter(map(_state, found.rows)),
        tallies=tuple(_tallies(found.rows)),
        rows=tuple(_told(context, account, page, moment)),
    )


def review_details(review: AccessReview, at: datetime) -> AccessReviewDetails:
    closed = review.closed
    ended_at = at if closed is None else closed.at
    return AccessReviewDetails(
        name=review.name,
        review_id=review.id,
        scope=review.scope,
        started_at=review.started_at,
        started_position=review.started_position,
        lines_position=review.lines_position,
        line_count=review.line_count,
        lines_sha256=review.lines_sha256,
        due_at=review.due_at,
        overdue=review.due_at is not None and ended_at > review.due_at,
        reviewers=tuple(each.name for each in review.reviewers),
        allows_own=review.allows_own,
        kept=len(review.kept) if closed is None else closed.kept,
        revoked=len(review.revoked) if closed is None else closed.revoked,
        closed_at=None if closed is None else closed.at,
        closed_position=None if closed is None else closed.position,
    )


def _rows(context: AnswerContext, account: Account, review: AccessReview, moment: Moment) -> _Rows:
    # Where the account's value is the same nothing has changed, but what is in scope by the time alone.
    is_timed = review.scope.unused_days is not None or review.scope.principals == "administrators"
    place = (id(account), review.id, moment.at if is_timed else review.lines_at)
    with _lock:
        kept = _kept.pop(place, None)
        if kept is not None:
            _kept[place] = kept
            return kept[1]
    made = _make_rows(context, account, review, moment)
    with _lock:
        _kept[place] = account, made
        while len(_kept) > KEPT_MAX:
            del _kept[next(iter(_kept))]
    return made


def _make_rows(context: AnswerContext, account: Account, review: AccessReview, moment: Moment) -> _Rows:
    then = context.own(review.lines_position)
    started, _ = lines_in(then, review.scope, review.lines_at)
    decisions = decisions_of(review.id, _decision_entries(context, review, moment.position))
    in_scope = review_lines(account, review.scope, moment.at)
    rows = list(review_rows(started, account, in_scope, decisions))
    changes = _few_changes(context, review.lines_position, moment.position)
    if changes is not None:
        presences = trace_presence(then, changes, {row.line.grant for row in rows if is_traced(row)})
        rows = [traced_row(row, presences.get(row.line.grant, ())) for row in rows]
    return _Rows(rows, changes is not None, lines_sha256(started) == review.lines_sha256)


def _decision_entries(context: AnswerContext, review: AccessReview, until: int) -> Iterator[Entry]:
    after = review.started_position
    while True:
        entries = context.past.changes_of_topic(
            context.cursor, context.account_id, AccessReviewLinesDecided.topic, after=after, limit=ENTRIES_READ
        )
        yield from (entry for entry in entries if entry.position <= until)
        if len(entries) < ENTRIES_READ or entries[-1].position >= until:
            return
        after = entries[-1].position


def _few_changes(context: AnswerContext, after: int, to: int) -> Sequence[Entry] | None:
    """None where there are too many."""
    found = list[Entry]()
    for change in context.changes(context.account_id, after=after, to=to):
        if len(found) == CHANGES_MAX:
            return None
        found.append(change)
    return found


def _actor(context: AnswerContext, position: int) -> str:
    (entry,) = context.changes(context.account_id, after=position - 1, to=position)
    return entry.cause.actor


def _state(row: ReviewRow) -> str:
    if row.is_undecided:
        return "undecided"
    if row.decision is None:
        return row.now
    if row.decision.decision == "revoke":
        return "revoked" if row.now == "gone" else "revoked returned"
    return "kept" if row.now == "same" else f"kept {row.now}"


def _tallies(rows: Sequence[ReviewRow]) -> Iterator[ReviewTally]:
    by = dict[str, list[MadeDecision]]()
    for row in rows:
        if row.decision is not None:
            by.setdefault(row.decision.made.by, []).append(row.decision)
    for actor, made in sorted(by.items()):
        revoked = sum(each.decision == "revoke" for each in made)
        last_at = max(each.made.at for each in made)
        yield ReviewTally(by=actor, kept=len(made) - revoked, revoked=revoked, last_at=last_at)


def _told(
    context: AnswerContext, account: Account, page: Sequence[ReviewRow], moment: Moment
) -> Iterator[AccessReviewLine]:
    lines = [row.line for row in page]
    users = {line: _users(account, line) for line in lines if line.grant.kind not in CREDENTIALS}
    entity_ids = sorted({each for some in users.values() for each in some})
    uses: dict[str, list[OperationUse]] = {}
    since = moment.at - TRACKED
    for use in last_uses(context.cursor, account.id, entity_ids, moment.position, since):
        uses.setdefault(use.entity_id, []).append(use)
    for row in page:
        line, decision = row.line, row.decision
        yield AccessReviewLine(
            line_id=line.id,
            principal_kind=line.principal_kind,
            principal_id=line.grant.principal_id,
            principal_name=line.principal_name,
            kind=line.grant.kind,
            thing=line.grant.thing,
            what=line.what,
            gives=line.gives,
            last_used_at=_last_use(account, line, users.get(line, ()), uses),
            version_at_start=None if row.now == "new" else line.version,
            version=row.version,
            now=row.now,
            decision=None if decision is None else decision.decision,
            reason=None if decision is None else decision.reason,
            decided=None if decision is None else decision.made,
            went=row.went,
            came=row.came,
        )


def _users(account: Account, line: ReviewLine) -> Sequence[str]:
    """Whose use of services counts as use of what the line gives."""
    principal_id = line.grant.principal_id
    return account[MEMBERSHIPS].lefts_of(principal_id) if line.principal_kind == "group" else [principal_id]


def _last_use(
    account: Account, line: ReviewLine, users: Sequence[str], uses: Mapping[str, Sequence[OperationUse]]
) -> datetime | None:
    grant = line.grant
    if grant.kind in {"access_key", "trust"}:
        return last_credential_use(account, line)
    if grant.kind in CREDENTIALS:
        return None
    services = [_services(each.policy) for each in policies_of(account, grant)]
    found = (use for user_id in users for use in uses.get(user_id, ()))
    return max((use.at for use in found if any(each is None or use.service in each for each in services)), default=None)


def _services(policy: Policy) -> frozenset[str] | None:
    """Of which it allows something, by their prefixes in lower case; None: all."""
    found = set[str]()
    for statement in policy.statements:
        if statement.effect is Effect.ALLOW:
            if statement.actions.negated or "*" in statement.actions.texts:
                return None
            found |= {text.partition(":")[0].lower() for text in statement.actions.texts}
    return frozenset(found)
