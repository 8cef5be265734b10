"""The lines of access reviews, kept for a while: pages of one review, and decisions in it, ask for the same."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from threading import Lock

from domain.account import Account
from domain.families.access_reviews import (
    AccessReview,
    ReviewFacts,
    ReviewQuery,
    ReviewScope,
    StartedLine,
    UndecidedFacts,
    UndecidedQuery,
)
from domain.queries.review_lines import ReviewLine, lines_sha256, review_lines
from domain.queries.review_report import lines_by_grant
from domain.rules.access_reviews import LINES_MAX

KEPT_MAX = 2

_lock = Lock()
_kept: dict[tuple[int, ReviewScope, datetime], tuple[Account, Sequence[ReviewLine], int]] = {}
"""By the identity of the account's value, which is no other one's while it stands here; least recently used first."""


def lines_in(account: Account, scope: ReviewScope, at: datetime) -> tuple[Sequence[ReviewLine], int]:
    """The lines, one more than a review may have at most, and how many there are."""
    place = (id(account), scope, at)
    with _lock:
        kept = _kept.pop(place, None)
        if kept is not None:
            _kept[place] = kept
            return kept[1:]
    every = review_lines(account, scope, at)
    lines = tuple(islice(every, LINES_MAX + 1))
    count = len(lines) + sum(1 for _ in every)
    with _lock:
        _kept[place] = account, lines, count
        while len(_kept) > KEPT_MAX:
            del _kept[next(iter(_kept))]
    return lines, count


def review_facts(account: Account, wanted: ReviewQuery) -> ReviewFacts:
    lines, count = lines_in(account, wanted.scope, wanted.at)
    asked = {
        line.id: StartedLine(line.grant, line.version, line.title)
        for line in (lines if wanted.line_ids else ())
        if line.id in wanted.line_ids
    }
    sha256 = "" if wanted.line_ids else lines_sha256(lines)
    return ReviewFacts(wanted, account.position, count, sha256, asked)


def undecided_facts(then: Account, now: Account, review: AccessReview, wanted: UndecidedQuery) -> UndecidedFacts:
    """`then` is the account that the review's lines are of."""
    lines, _ = lines_in(then, review.scope, review.lines_at)
    there = lines_by_grant(now, (line.grant.principal_id for line in lines))
    left = (line for line in lines if line.id not in review.kept and line.id not in review.revoked)
    undecided = sum(line.grant in there for line in left)
    return UndecidedFacts(wanted, len(review.kept) + len(review.revoked), undecided)
