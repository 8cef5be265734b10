"""The steps of random histories with access reviews."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.access_reviews import (
    ACCESS_REVIEWS,
    REVIEW_ID,
    ReviewDecision,
    ReviewFacts,
    ReviewQuery,
    ReviewScope,
    StartedLine,
)
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id
from domain.queries.review_decisions import AskedDecision, decide_lines
from domain.queries.review_lines import ReviewLine, lines_sha256, review_lines
from domain.rules.access_reviews import close_review, start_review
from tests.step_draws import NAMES, Nothing, one, step

EVERYTHING = ReviewScope()
DECISIONS = st.sampled_from(get_args(ReviewDecision))


def started_lines(lines: Sequence[ReviewLine]) -> Mapping[str, StartedLine]:
    return {line.id: StartedLine(line.grant, line.version, line.title) for line in lines}


def facts_of(account: Account, at: datetime, scope: ReviewScope = EVERYTHING) -> ReviewFacts:
    lines = list(review_lines(account, scope, at))
    return ReviewFacts(
        ReviewQuery(account.id, scope, at), account.position, len(lines), lines_sha256(lines), started_lines(lines)
    )


def access_review_step(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    open_reviews = [review for review in account[ACCESS_REVIEWS].values() if review.closed is None]
    facts = facts_of(account, at)
    chosen = step(draw, open_reviews, "decide", "decide", "close")
    if chosen == "create":
        return [
            start_review(
                account,
                review_id=new_unique_id(REVIEW_ID, random),
                name=draw(NAMES),
                lines=facts,
                due_at=None,
                reviewers=(),
                allows_own=False,
                at=at,
            )
        ]
    review = one(draw, open_reviews)
    if chosen == "close":
        return [close_review(review, undecided=draw(st.sampled_from([0, facts.count])), incomplete=True)]
    asked = [AskedDecision(one(draw, facts.lines), draw(DECISIONS))]
    decided = decide_lines(account, review, asked, facts.lines, None, lambda _revocation: None, at)
    if not decided.events:
        raise Nothing
    return decided.events
