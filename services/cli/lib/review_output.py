"""Access reviews as people read them: lines, reports, and the file that goes out to reviewers and comes back."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from domain.families.access_reviews import ReviewScope
from domain.foundation.moments import EventRef
from services.api.contract.access_reviews import (
    AccessReviewDetails,
    AccessReviewLine,
    AccessReviewPage,
    LineEffect,
    ReviewTally,
)
from services.cli.lib.output import Column, arn_resource, count_noun, short_time, stdout_table
from services.cli.lib.terminal import Colour, print_heading, print_line, print_note, print_wrapped

T = TypeVar("T")
_PAST = {"keep": "kept", "revoke": "revoked"}


def state(line: AccessReviewLine) -> str:
    """What was decided, and what is so now where that is something else."""
    if line.decision is None:
        return "open" if line.now == "same" else line.now
    as_decided = "gone" if line.decision == "revoke" else "same"
    return _PAST[line.decision] + ("" if line.now == as_decided else f", {line.now}")


def is_open(line: AccessReviewLine) -> bool:
    return line.decision is None and line.now in {"same", "changed"}


def owner(line: AccessReviewLine) -> str:
    return "root" if line.principal_kind == "root" else f"{line.principal_kind}/{line.principal_name}"


def holding(line: AccessReviewLine) -> str:
    """What it is, with what it gives besides."""
    return f"{line.what} ({', '.join(line.gives)})" if line.gives else line.what


def title(line: AccessReviewLine) -> str:
    return f"{line.what} of {owner(line)}"


def scope_text(scope: ReviewScope) -> str:
    value = "" if scope.tag_value is None else f"={scope.tag_value}"
    said = [
        "everybody" if scope.principals == "all" else scope.principals,
        *([f"under {scope.path_prefix}"] if scope.path_prefix else []),
        *([f"tagged {scope.tag_key}{value}"] if scope.tag_key else []),
        *([f"users {', '.join(scope.user_ids)}"] if scope.user_ids else []),
        *([f"with {scope.policy_arn}"] if scope.policy_arn else []),
        *([f"not used for {count_noun(scope.unused_days, 'day')}"] if scope.unused_days else []),
    ]
    return ", ".join(said)


def _time(at: datetime | None) -> str | None:
    return None if at is None else short_time(at)


def _at(found: EventRef | None) -> str | None:
    return None if found is None else short_time(found.at)


def _by(found: EventRef | None) -> str | None:
    return None if found is None else arn_resource(found.by)


def _position(found: EventRef | None) -> str | None:
    return None if found is None else f"p{found.position}"


def _state_colour(text: str) -> Colour | None:
    if text in {"kept", "revoked"}:
        return Colour.GREEN
    return Colour.YELLOW if text == "open" else None if text == "gone" else Colour.RED


def _changed(line: AccessReviewLine) -> EventRef | None:
    """What has made it so, where that is told."""
    return line.went if line.now == "gone" else line.came


def _stands(review: AccessReviewDetails) -> str:
    if review.closed_at is not None:
        return f"closed {short_time(review.closed_at)}"
    return "overdue" if review.overdue else "open"


LINES: Sequence[Column[AccessReviewLine]] = (
    Column("WHO", owner, least=12),
    Column("HAS", holding, wraps=True, least=24),
    Column("LAST USED", lambda line: _time(line.last_used_at)),
    Column("STATE", state, wraps=True, least=10, colour=_state_colour),
    Column("LINE", lambda line: line.line_id),
    Column("VERSION", lambda line: line.version, wide=True),
    Column("DECIDED BY", lambda line: _by(line.decided), wide=True),
    Column("DECIDED", lambda line: _at(line.decided), wide=True),
    Column("REASON", lambda line: line.reason, wraps=True, wide=True),
)
REVIEWED: Sequence[Column[AccessReviewLine]] = (
    Column("WHO", owner, least=12),
    Column("HAS", holding, wraps=True, least=24),
    Column("DECISION", state, wraps=True, least=10, colour=_state_colour),
    Column("BY", lambda line: _by(line.decided), least=10),
    Column("AT", lambda line: _at(line.decided)),
    Column("POSITION", lambda line: _position(line.decided)),
    Column("CARRIED OUT", lambda line: _position(line.went) if line.decision == "revoke" else None),
    Column("REASON", lambda line: line.reason, wraps=True, least=16),
)
CHANGED: Sequence[Column[AccessReviewLine]] = (
    Column("WHO", owner, least=12),
    Column("HAS", holding, wraps=True, least=24),
    Column("IS", state, wraps=True, least=8, colour=_state_colour),
    Column("SINCE", lambda line: _at(_changed(line))),
    Column("POSITION", lambda line: _position(_changed(line))),
    Column("BY", lambda line: _by(_changed(line)), least=10),
)
OPEN: Sequence[Column[AccessReviewLine]] = LINES[:5]
REVIEWS: Sequence[Column[AccessReviewDetails]] = (
    Column("REVIEW", lambda review: review.name),
    Column("SCOPE", lambda review: scope_text(review.scope), wraps=True, least=16),
    Column("STARTED", lambda review: short_time(review.started_at)),
    Column("DUE", lambda review: None if review.due_at is None else short_time(review.due_at)),
    Column("LINES", lambda review: f"{review.line_count:,}"),
    Column("KEPT", lambda review: f"{review.kept:,}"),
    Column("REVOKED", lambda review: f"{review.revoked:,}"),
    Column("STANDS", _stands, colour=lambda text: Colour.RED if text == "overdue" else None),
)
TALLIES: Sequence[Column[ReviewTally]] = (
    Column("WHO", lambda tally: arn_resource(tally.by)),
    Column("KEPT", lambda tally: f"{tally.kept:,}"),
    Column("REVOKED", lambda tally: f"{tally.revoked:,}"),
    Column("LAST", lambda tally: short_time(tally.last_at)),
)
EFFECTS: Sequence[Column[LineEffect]] = (
    Column("LINE", lambda effect: effect.line_id),
    Column("WHAT", lambda effect: effect.what, wraps=True, least=24),
    Column("OUTCOME", lambda effect: effect.outcome),
    Column("REASON", lambda effect: effect.reason, wraps=True, least=24),
)


def show_report(page: AccessReviewPage, lines: Sequence[AccessReviewLine], *, wide: bool) -> None:
    """`page` is any of the report's pages, `lines` are those of all."""
    review = page.review
    print_line(f"Access review {review.name}, as of {short_time(page.at)} (p{page.position})", Colour.BOLD)
    print_wrapped(
        f"{count_noun(review.line_count, 'line')} of {scope_text(review.scope)}, as at p{review.lines_position}; "
        f"started {short_time(review.started_at)} by {arn_resource(page.started_by)} (p{review.started_position})."
    )
    if review.due_at is not None:
        print_line(f"Due {short_time(review.due_at)}." + (" It was not closed by then." if review.overdue else ""))
    if review.reviewers:
        print_wrapped(f"Reviewers: {', '.join(review.reviewers)}.")
    if review.allows_own:
        print_wrapped("Reviewers were allowed to keep what is their own.", colour=Colour.YELLOW)
    if review.closed_at is not None and page.closed_by is not None:
        by = f"{arn_resource(page.closed_by)} (p{review.closed_position})"
        print_line(f"Closed {short_time(review.closed_at)} by {by}.")
    print_wrapped("; ".join(f"{name}: {count:,}" for name, count in sorted(page.counts.items())) + ".")
    _section("Who decided", page.tallies, TALLIES, wide=wide)
    _section("What was decided", [line for line in lines if line.decision is not None], REVIEWED, wide=wide)
    _section("Not decided", [line for line in lines if is_open(line)], OPEN, wide=wide)
    _section("What has changed since", [line for line in lines if _has_changed(line)], CHANGED, wide=wide)
    if not page.lines_verified:
        print_note(
            "These lines are not those whose digest the start recorded: an older version made them otherwise.",
            Colour.RED,
        )
    if not page.traced:
        print_note("There were too many changes since to tell where lines came and went.")


def _has_changed(line: AccessReviewLine) -> bool:
    return line.now not in {"same", "gone"} or (line.now == "gone" and line.decision != "revoke")


def _section(heading: str, rows: Sequence[T], columns: Sequence[Column[T]], *, wide: bool) -> None:
    if rows:
        print_heading(heading)
        stdout_table(columns, wide=wide).show(rows)
