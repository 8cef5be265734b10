"""Access reviews: campaigns in which people look at who has what, line by line, and keep or revoke it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from domain.families.access_reviews import GrantKind, ReviewDecision, ReviewedPrincipals, ReviewScope
from domain.foundation.moments import EventRef
from domain.queries.review_decisions import DECISIONS_MAX
from domain.queries.review_lines import PrincipalKind
from domain.queries.review_report import LineNow
from domain.rules.access_reviews import REASON_CHARACTERS_MAX, REVIEWERS_MAX, USERS_NAMED_MAX
from services.api.contract.exemptions import is_time
from services.api.contract.question import (
    Answer,
    HistoricalQuestion,
    NameText,
    Page,
    PagedHistoricalQuestion,
    Question,
    Text,
)

REVIEW_RESOURCE = "access-review/{name}"
UNUSED_DAYS_MAX = 3_650
ReviewName = Annotated[Text, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
LineIdText = Annotated[str, StringConstraints(pattern=r"^RLIN[A-Z2-7]{17}$")]
VersionText = Annotated[str, StringConstraints(pattern=r"^V[A-Z2-7]{12}$")]


class AccessReviewDetails(Answer):
    name: str
    review_id: str
    scope: ReviewScope
    started_at: datetime
    started_position: int
    lines_position: int
    """Its lines are what this position of the ledger has."""
    line_count: int
    lines_sha256: str
    """SHA-256 of every line's id, a space and its version, in the order of the ids, a line each."""
    due_at: datetime | None
    overdue: bool
    """Whether it was open after that."""
    reviewers: tuple[str, ...]
    """By name; none: whoever may decide."""
    allows_own: bool
    """Whether somebody could keep what is his own."""
    kept: int
    revoked: int
    closed_at: datetime | None
    closed_position: int | None


class AccessReviewList(Answer):
    account_id: str
    reviews: tuple[AccessReviewDetails, ...]
    """Those that were open first, then by when they were started, the newest first."""


class ListAccessReviews(HistoricalQuestion[AccessReviewList]):
    """The reviews that are open, and the last ones that were closed."""

    path = "/v1/access-reviews"
    resource = "access-reviews"


class AccessReviewEffect(Answer):
    account_id: str
    review: AccessReviewDetails
    position: int
    """From which it is open, or closed."""


class StartAccessReview(Question[AccessReviewEffect]):
    """Makes a campaign of what there is now: a line is one thing that somebody has, which one operation takes away."""

    method = "POST"
    path = "/v1/access-reviews"
    resource = REVIEW_RESOURCE
    read_only = False

    name: ReviewName
    principals: ReviewedPrincipals = "all"
    """`administrators`: whoever may, on whatever conditions, attach policies to everybody, write them and make access
    keys."""
    path_prefix: Annotated[Text, StringConstraints(max_length=512, pattern=r"^/")] | None = None
    tag_key: Annotated[Text, StringConstraints(max_length=128)] | None = None
    tag_value: Annotated[str, StringConstraints(max_length=256)] | None = None
    users: Annotated[tuple[NameText, ...], Field(max_length=USERS_NAMED_MAX)] = ()
    """Only theirs, by name, ARN or unique id."""
    policy_arn: Annotated[Text, StringConstraints(max_length=2_048)] | None = None
    """Only its attachments, and memberships of groups that have it."""
    unused_days: Annotated[int, Field(ge=1, le=UNUSED_DAYS_MAX)] | None = None
    """Only what was not used for so long: an access key by its own use, all else by its principal's."""
    due: Annotated[Text, AfterValidator(is_time)] | None = None
    """A date or an RFC 3339 time."""
    reviewers: Annotated[tuple[NameText, ...], Field(max_length=REVIEWERS_MAX)] = ()
    """Users and roles by name, ARN or unique id, or root; none: whoever may decide."""
    allow_own_review: bool = False
    """Whether somebody may keep what is his own."""


class AccessReviewLine(Answer):
    line_id: str
    """The same for ever for what it is about."""
    principal_kind: PrincipalKind
    principal_id: str
    principal_name: str
    kind: GrantKind
    thing: str
    """The policy's ARN or name, the group's unique id, the credential's id, the trusted principal; of a password whose
    it is."""
    what: str
    """In words."""
    gives: tuple[str, ...]
    """Of a membership the group's policies."""
    last_used_at: datetime | None
    """Of a policy the last use of a service that it allows something of; of a credential, a trust and a membership the
    last use by it. Null where none is recorded."""
    version_at_start: str | None
    """Null of what is new."""
    version: str | None
    """As it is at the moment; null of what is gone. Another one when what it gives has changed."""
    now: LineNow
    """`same`, `changed` and `gone`: beside what was decided, or else beside the start. `returned`: it was revoked and
    is there again. `new`: it is in scope and was not, and nobody has reviewed it."""
    decision: ReviewDecision | None
    reason: str | None
    decided: EventRef | None
    went: EventRef | None
    """Of what is gone or was revoked: the change that took it away."""
    came: EventRef | None
    """Of what is new or has returned: the change that gave it. Null where it was there and only came into scope."""


class ReviewTally(Answer):
    """What somebody has decided, as far as it stands."""

    by: str
    kept: int
    revoked: int
    last_at: datetime


class AccessReviewPage(Page):
    review: AccessReviewDetails
    started_by: str
    closed_by: str | None
    position: int
    """At which all of it is so."""
    at: datetime
    lines_verified: bool
    """Whether the lines, made again from the ledger, are those that the start recorded."""
    traced: bool
    """Whether it is told where lines came and went; not where there were too many changes since."""
    counts: dict[str, int]
    """Of all lines, by what was decided and what is so now: `undecided`, `kept`, `revoked`, `kept changed`, `kept
    gone`, `revoked returned`, `gone`, `new`. Each line is in one of them."""
    tallies: tuple[ReviewTally, ...]
    rows: tuple[AccessReviewLine, ...]


class GetAccessReview(PagedHistoricalQuestion[AccessReviewPage]):
    """What was reviewed, by whom and when, and what has changed since: the lines that it started with, then what is in
    its scope now and was not."""

    path = "/v1/access-reviews/{name}"
    resource = REVIEW_RESOURCE
    place_numbers = 2

    name: ReviewName


class AskedLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    line_id: LineIdText
    decision: ReviewDecision
    reason: Annotated[Text, StringConstraints(max_length=REASON_CHARACTERS_MAX)] | None = None
    version: VersionText | None = None
    """That the reviewer has seen; without one the line has to be as it was when the review started."""


class LineEffect(Answer):
    line_id: str
    outcome: Literal["decided", "already", "refused"]
    """`already`: it was decided so before, and that stands. Of a dry run: what would be."""
    what: str | None
    reason: str | None
    """Why it is refused, and what to do instead."""


class DecisionEffect(Answer):
    account_id: str
    review: str
    dry_run: bool
    position: int | None
    """Of the decisions; null where nothing was decided. What carries them out stands right behind."""
    lines: tuple[LineEffect, ...]


class DecideAccessReview(Question[DecisionEffect]):
    """Keeps or revokes lines, all of these or none. A revocation is carried out at once, and needs the permission for
    the operation of IAM that it is. Nobody keeps what is his own, and the last administrator stays."""

    method = "POST"
    path = "/v1/access-reviews/{name}/decisions"
    resource = REVIEW_RESOURCE
    read_only = False

    name: ReviewName
    decisions: Annotated[tuple[AskedLine, ...], Field(min_length=1, max_length=DECISIONS_MAX)]
    dry_run: bool = False
    """Only tells what would be refused."""


class CloseAccessReview(Question[AccessReviewEffect]):
    """Ends a review: nothing more is decided in it."""

    method = "POST"
    path = "/v1/access-reviews/{name}/close"
    resource = REVIEW_RESOURCE
    read_only = False

    name: ReviewName
    incomplete: bool = False
    """Even with lines that nobody has decided."""
