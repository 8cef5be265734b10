"""Access reviews: campaigns in which people look at who has what, line by line, and keep or revoke it
(docs/adr/0062)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key
from domain.foundation.events import Entry, Value
from domain.foundation.personal import Personal

REVIEW_ID = "ARVW"
"""Prefix of ids, which are ours alone."""
ReviewDecision = Literal["revoke", "keep"]
GrantKind = Literal[
    "trust",
    "password",
    "ssh_public_key",
    "signing_certificate",
    "service_specific_credential",
    "access_key",
    "group_membership",
    "inline_policy",
    "attached_policy",
]
ReviewedPrincipals = Literal["administrators", "roles", "users", "all"]


class ReviewScope(Value):
    """Which grants are reviewed: those to which all of it applies."""

    principals: ReviewedPrincipals = "all"
    path_prefix: str | None = None
    """Of users, groups and roles."""
    tag_key: str | None = None
    tag_value: str | None = None
    """None: whatever the tag says."""
    user_ids: tuple[str, ...] = ()
    """Unique ids; none: everybody's."""
    policy_arn: str | None = None
    """Only its attachments, and memberships of groups that have it."""
    unused_days: int | None = None
    """Only what was not used for so long."""


class Reviewer(Value):
    id: str
    """The unique id of a user or role; the account's for root."""
    name: Personal[str]


class Grant(NamedTuple):
    """One thing that somebody has, and that one operation takes away. At any moment there is at most one like it."""

    kind: GrantKind
    principal_id: str
    """Whose it is: the unique id of a user, group or role, the account's for root; of trust the role."""
    thing: str
    """The policy's ARN or name, the group's unique id, the credential's id, the trusted principal as the role's trust
    policy names it; of a password whose it is."""


@dataclass(frozen=True, slots=True)
class StartedLine:
    """A line as it was when its review started."""

    grant: Grant
    version: str
    """Of what the grant gives: another one when that changes."""
    title: str
    """Whose the grant is, and what, for people."""


class DecidedLine(Value):
    line_id: str
    decision: ReviewDecision
    reason: Personal[str | None] = None
    version: str
    """That the reviewer has seen."""
    what: Personal[str]
    """Whose the grant is, and what, in words."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    position: int
    """Of the decision."""
    version: str
    """That was kept: of another one nobody has decided."""


@dataclass(frozen=True, slots=True)
class ClosedReview:
    at: datetime
    position: int
    """The value before it has every decision."""
    kept: int
    revoked: int
    undecided: int


@dataclass(frozen=True, slots=True)
class AccessReview:
    id: str
    name: str
    scope: ReviewScope
    started_at: datetime
    started_position: int
    lines_position: int
    """Its lines are what the account's value at this position has, at `lines_at`."""
    lines_at: datetime
    line_count: int
    lines_sha256: str
    due_at: datetime | None
    reviewers: tuple[Reviewer, ...]
    """None: whoever may decide."""
    allows_own: bool
    """Whether somebody may keep what is his own."""
    kept: Map[str, KeptLine] = Map()
    """By line id."""
    revoked: Map[str, int] = Map()
    """By line id the position of the decision."""
    closed: ClosedReview | None = None
    """Its decisions are no longer in the value."""


AccessReviews = Map[str, AccessReview]
ACCESS_REVIEWS = Component[AccessReviews]("access_reviews", Map())
"""By name: those that are open, and the last ones that were closed."""


@dataclass(frozen=True, slots=True)
class ReviewQuery:
    """The lines of a scope: too many to be found in a round."""

    account_id: str
    scope: ReviewScope
    at: datetime
    position: int | None = None
    """None: the newest."""
    line_ids: frozenset[str] = frozenset()
    """Which of them are to be told."""


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """The past does not change: what was found once holds."""

    wanted: ReviewQuery
    position: int
    count: int
    sha256: str
    lines: Mapping[str, StartedLine]
    """By id, those that were asked for and are among them."""


@dataclass(frozen=True, slots=True)
class UndecidedQuery:
    """How many lines of an open review are still there, and nobody has decided."""

    account_id: str
    review_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UndecidedFacts:
    wanted: UndecidedQuery
    decided: int
    """So many were when they were counted."""
    undecided: int


class AccessReviewChange(Bookkeeping):
    review_id: str
    review_name: str

    def changed(self, account: Account) -> AccessReview:
        """The open review that it is about. Raises LookupError where there is none."""
        review = account[ACCESS_REVIEWS][self.review_name]
        if review.id != self.review_id or review.closed is not None:
            raise LookupError(f"There is no open access review {self.review_name} with the id {self.review_id}.")
        return review

    def fold(self, account: Account, at: datetime) -> Account:
        return self.fold_at(account, account.position + 1, at)

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        return self.fold_at(account, entry.position, entry.at)

    def fold_at(self, account: Account, position: int, at: datetime) -> Account:
        raise NotImplementedError


class AccessReviewStarted(AccessReviewChange, topic="account.access_review.started.v1"):
    scope: ReviewScope
    lines_position: int
    """From the account's value here, at `lines_at`, the lines are derived: the event need not carry them."""
    lines_at: datetime
    line_count: int
    lines_sha256: str
    """Of every line's id and version (`domain.queries.review_lines`)."""
    due_at: datetime | None = None
    reviewers: tuple[Reviewer, ...] = ()
    allows_own: bool = False
    replaces: str | None = None
    """The name of a closed one that is kept no longer."""
    sentence = "Access review {review_name} of {line_count} lines was started."

    def fold_at(self, account: Account, position: int, at: datetime) -> Account:
        reviews = account[ACCESS_REVIEWS]
        if self.replaces is not None:
            reviews = reviews.delete(self.replaces)
        if self.review_name in reviews:
            raise LookupError(f"There is an access review {self.review_name} already.")
        started = AccessReview(
            id=self.review_id,
            name=self.review_name,
            scope=self.scope,
            started_at=at,
            started_position=position,
            lines_position=self.lines_position,
            lines_at=self.lines_at,
            line_count=self.line_count,
            lines_sha256=self.lines_sha256,
            due_at=self.due_at,
            reviewers=self.reviewers,
            allows_own=self.allows_own,
        )
        return account.put(ACCESS_REVIEWS, reviews.set(self.review_name, started))


class AccessReviewLinesDecided(AccessReviewChange, topic="account.access_review.lines_decided.v1"):
    """What carries the revocations out are the changes right behind it, of the same call."""

    decisions: tuple[DecidedLine, ...]

    def fold_at(self, account: Account, position: int, at: datetime) -> Account:
        review = self.changed(account)
        kept, revoked = review.kept, review.revoked
        for each in self.decisions:
            if each.decision == "keep":
                kept = kept.set(each.line_id, KeptLine(position, each.version))
                revoked = forget_key(revoked, each.line_id)
            else:
                revoked = revoked.set(each.line_id, position)
                kept = forget_key(kept, each.line_id)
        decided = replace(review, kept=kept, revoked=revoked)
        return account.put(ACCESS_REVIEWS, account[ACCESS_REVIEWS].set(review.name, decided))

    def describe(self) -> str:
        kept = sum(each.decision == "keep" for each in self.decisions)
        return f"In access review {self.review_name}, {kept} lines were kept and {len(self.decisions) - kept} revoked."


class AccessReviewClosed(AccessReviewChange, topic="account.access_review.closed.v1"):
    """Nothing more is decided in it."""

    kept: int
    revoked: int
    undecided: int
    sentence = (
        "Access review {review_name} was closed: {kept} lines kept, {revoked} revoked, {undecided} of those that were "
        "still there not decided."
    )

    def fold_at(self, account: Account, position: int, at: datetime) -> Account:
        closed = ClosedReview(at, position, self.kept, self.revoked, self.undecided)
        review = replace(self.changed(account), kept=Map(), revoked=Map(), closed=closed)
        return account.put(ACCESS_REVIEWS, account[ACCESS_REVIEWS].set(review.name, review))
