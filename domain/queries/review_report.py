"""What has become of the lines of an access review: what was decided, by whom and when, and what is so now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domain.account import Account, AccountChange, evolve
from domain.families.access_reviews import AccessReviewLinesDecided, Grant, ReviewDecision
from domain.foundation.events import Entry
from domain.foundation.moments import EventRef
from domain.queries.review_lines import ReviewLine, lines_of, principal_kind

LineNow = Literal["same", "changed", "gone", "returned", "new"]
"""Beside what was decided, or else beside what was there when the review started. `returned`: it was revoked and is
there again; `new`: it is in scope and was not."""


@dataclass(frozen=True, slots=True)
class MadeDecision:
    decision: ReviewDecision
    reason: str | None
    version: str
    made: EventRef


@dataclass(frozen=True, slots=True)
class Presence:
    """That a grant came, or that it went."""

    is_there: bool
    since: EventRef


@dataclass(frozen=True, slots=True)
class ReviewRow:
    line: ReviewLine
    """As it was when the review started; of a new one as it is."""
    decision: MadeDecision | None
    """The last one."""
    now: LineNow
    version: str | None
    """As it is now; None of what is gone."""
    went: EventRef | None = None
    """Of what is gone, or was revoked: where it went. Of what was revoked that is the change which carried it out."""
    came: EventRef | None = None
    """Of what is new or has returned: where it came; None too where it was there before, and came into scope."""

    @property
    def is_undecided(self) -> bool:
        return self.decision is None and self.now in {"same", "changed"}


def event_ref(entry: Entry) -> EventRef:
    return EventRef(entry.position, entry.at, entry.cause.actor)


def decisions_of(review_id: str, entries: Iterable[Entry]) -> dict[str, MadeDecision]:
    """The last one of each line, by its id, of the entries in their order."""
    found = dict[str, MadeDecision]()
    for entry in entries:
        if isinstance(entry.event, AccessReviewLinesDecided) and entry.event.review_id == review_id:
            made = event_ref(entry)
            for each in entry.event.decisions:
                found[each.line_id] = MadeDecision(each.decision, each.reason, each.version, made)
    return found


def trace_presence(
    account: Account, changes: Iterable[Entry], grants: Collection[Grant]
) -> dict[Grant, tuple[Presence, ...]]:
    """Where each of them came and went, from the account on through the changes that follow. Whether a grant is there
    is told by its principal's facts alone: only changes of these are looked at."""
    watched = defaultdict[str, set[Grant]](set)
    for grant in grants:
        watched[grant.principal_id].add(grant)
    there = {principal_id: _there(account, principal_id, some) for principal_id, some in watched.items()}
    found = defaultdict[Grant, list[Presence]](list)
    for change in changes:
        account = evolve(account, change)
        assert isinstance(change.event, AccountChange)
        for principal_id in set(change.event.changed_subjects(account.id)) & watched.keys():
            before, after = there[principal_id], _there(account, principal_id, watched[principal_id])
            for grant in before ^ after:
                found[grant].append(Presence(grant in after, event_ref(change)))
            there[principal_id] = after
    return {grant: tuple(presences) for grant, presences in found.items()}


def _there(account: Account, principal_id: str, grants: Collection[Grant]) -> set[Grant]:
    kind = principal_kind(account, principal_id)
    return set() if kind is None else {line.grant for line in lines_of(account, kind, principal_id)} & set(grants)


def lines_by_grant(account: Account, principals: Iterable[str]) -> dict[Grant, ReviewLine]:
    """All that these have."""
    found = dict[Grant, ReviewLine]()
    for principal_id in dict.fromkeys(principals):
        kind = principal_kind(account, principal_id)
        if kind is not None:
            found |= {line.grant: line for line in lines_of(account, kind, principal_id)}
    return found


def review_rows(
    started: Sequence[ReviewLine],
    account: Account,
    in_scope: Iterable[ReviewLine],
    decisions: Mapping[str, MadeDecision],
) -> Iterator[ReviewRow]:
    """The lines that the review started with, in their order, then what is in scope now and was not. `account` is as it
    is now."""
    there = lines_by_grant(account, (line.grant.principal_id for line in started))
    for line in started:
        decision, current = decisions.get(line.id), there.get(line.grant)
        seen = line.version if decision is None else decision.version
        now: LineNow = "same"
        if current is None:
            now = "gone"
        elif decision is not None and decision.decision == "revoke":
            now = "returned"
        elif current.version != seen:
            now = "changed"
        yield ReviewRow(line, decision, now, None if current is None else current.version)
    known = {line.grant for line in started}
    for line in in_scope:
        if line.grant not in known:
            yield ReviewRow(line, None, "new", line.version)


def traced_row(row: ReviewRow, presences: Sequence[Presence]) -> ReviewRow:
    """With where it went and came."""
    after = 0 if row.decision is None or row.decision.decision == "keep" else row.decision.made.position
    went = [each.since for each in presences if not each.is_there and each.since.position > after]
    came = [each.since for each in presences if each.is_there and each.since.position > after]
    # What was revoked went with the decision; of what else is gone the last time counts.
    first = row.decision is not None and row.decision.decision == "revoke"
    return ReviewRow(
        row.line,
        row.decision,
        row.now,
        row.version,
        went=(went[0] if first else went[-1]) if went and row.now in {"gone", "returned"} else None,
        came=came[-1] if came and row.now in {"new", "returned"} else None,
    )


def is_traced(row: ReviewRow) -> bool:
    """Whether it is told where it came or went."""
    return row.now in {"gone", "returned", "new"}
