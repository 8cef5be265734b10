"""Access reviews: when one may be started and closed. What is decided in them: `domain.queries.review_decisions`."""

import re
from collections.abc import Collection
from datetime import datetime

from domain.account import Account
from domain.families.access_reviews import (
    ACCESS_REVIEWS,
    AccessReview,
    AccessReviewClosed,
    AccessReviewStarted,
    Reviewer,
    ReviewFacts,
)
from domain.foundation.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.moments import format_rfc3339
from domain.foundation.nearest import nearest

LINES_MAX = 50_000
"""Of a review."""
OPEN_REVIEWS_MAX = 20
"""Of an account: each keeps its decisions in the account's value."""
REVIEWS_KEPT_MAX = 500
"""With those that are closed, of which the oldest makes room. The ledger keeps all."""
REVIEWERS_MAX = 50
USERS_NAMED_MAX = 100
REASON_CHARACTERS_MAX = 256
REVIEW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def start_review(
    account: Account,
    *,
    review_id: str,
    name: str,
    lines: ReviewFacts,
    due_at: datetime | None,
    reviewers: Collection[Reviewer],
    allows_own: bool,
    at: datetime,
) -> AccessReviewStarted:
    """Raises EntityAlreadyExists, ValidationError and LimitExceeded."""
    refuse_unstartable(account, name=name, due_at=due_at, at=at)
    if lines.count == 0:
        raise ValidationError("Nobody has anything in this scope: expected one with a line at least.")
    if lines.count > LINES_MAX:
        raise LimitExceeded(
            f"This scope has {lines.count:,} lines; at most {LINES_MAX:,}. Review it in parts, by path, tag, policy or "
            "kind of principal."
        )
    return AccessReviewStarted(
        review_id=review_id,
        review_name=name,
        scope=lines.wanted.scope,
        lines_position=lines.position,
        lines_at=lines.wanted.at,
        line_count=lines.count,
        lines_sha256=lines.sha256,
        due_at=due_at,
        reviewers=tuple(reviewers),
        allows_own=allows_own,
        replaces=_oldest_closed(account) if len(account[ACCESS_REVIEWS]) >= REVIEWS_KEPT_MAX else None,
    )


def refuse_unstartable(account: Account, *, name: str, due_at: datetime | None, at: datetime) -> None:
    """What is known before there are lines. Raises as `start_review`."""
    if REVIEW_NAME.fullmatch(name) is None:
        raise ValidationError(
            f"A review is called by at most 64 letters, digits, dots, underscores and hyphens; got {name!r}."
        )
    if name in account[ACCESS_REVIEWS]:
        raise EntityAlreadyExists(f"Account {account.id} has an access review {name} already.")
    if due_at is not None and due_at <= at:
        raise ValidationError(f"A review is due in the future; got {format_rfc3339(due_at)}.")
    open_reviews = sum(review.closed is None for review in account[ACCESS_REVIEWS].values())
    if open_reviews >= OPEN_REVIEWS_MAX:
        raise LimitExceeded(f"The account has {open_reviews} open access reviews; at most {OPEN_REVIEWS_MAX}.")


def _oldest_closed(account: Account) -> str:
    closed = (review for review in account[ACCESS_REVIEWS].values() if review.closed is not None)
    return min(closed, key=lambda review: review.started_position).name


def find_review(account: Account, name: str) -> AccessReview:
    """By its name or id. Raises NoSuchEntity."""
    reviews = account[ACCESS_REVIEWS]
    found = reviews.get(name) or next((each for each in reviews.values() if each.id == name), None)
    if found is None:
        raise NoSuchEntity(
            f"Account {account.id} has no access review {name}.", suggestion=nearest(name, sorted(reviews))
        )
    return found


def open_review(account: Account, name: str) -> AccessReview:
    """Raises NoSuchEntity, and ValidationError for a closed one."""
    review = find_review(account, name)
    if review.closed is not None:
        raise ValidationError(f"Access review {review.name} was closed at {format_rfc3339(review.closed.at)}.")
    return review


def close_review(review: AccessReview, *, undecided: int, incomplete: bool) -> AccessReviewClosed:
    """`undecided` are those that are still there and that nobody has decided. Raises ValidationError."""
    if undecided and not incomplete:
        raise ValidationError(
            f"{undecided:,} of {review.line_count:,} lines of access review {review.name} are not decided: decide "
            "them, or close it as incomplete, which its report says."
        )
    return AccessReviewClosed(
        review_id=review.id,
        review_name=review.name,
        kept=len(review.kept),
        revoked=len(review.revoked),
        undecided=undecided,
    )
