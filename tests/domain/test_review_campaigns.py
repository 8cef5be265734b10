"""Starting and closing access reviews, and what their reports say of any history."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from domain.account import Account, AccountChange
from domain.families.access_reviews import ACCESS_REVIEWS, AccessReview, Grant, ReviewFacts
from domain.families.groups import GROUPS
from domain.foundation.errors import EntityAlreadyExists, LimitExceeded, Refusal, ValidationError
from domain.foundation.events import Change, Entry, Event
from domain.queries.review_decisions import AskedDecision, decide_lines, revoke
from domain.queries.review_lines import ReviewLine, find_line, principal_kind, review_lines
from domain.queries.review_report import ReviewRow, decisions_of, is_traced, review_rows, trace_presence, traced_row
from domain.rules.access_reviews import LINES_MAX, OPEN_REVIEWS_MAX, REVIEWS_KEPT_MAX, close_review, start_review
from domain.rules.groups import add_user_to_group
from domain.rules.policy_holders import attach, holder_of, put_inline
from tests.domain.accounts import ALLOW_ALL, AT, after
from tests.domain.test_access_reviews import company, reviewed
from tests.histories import ANY_STEP, called, folded, histories, never_twice
from tests.people import people
from tests.review_steps import DECISIONS, EVERYTHING, facts_of, started_lines
from tests.step_draws import Nothing, Step

MORE_CALLS = 20


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(histories(first=[people], calls_max=20), st.data())
def test_a_report_says_what_each_value_says(ledger: list[Entry], data: DataObject) -> None:
    """After whatever has happened before a review, between its start and its decisions, and since: what was revoked is
    gone right behind the decision; what is new, gone and back is what the two values say; and where it came and went is
    where, going through every value, it came and went."""
    start = data.draw(st.integers(len(ledger) // 2, len(ledger)))
    then = folded(ledger[:start])
    at = ledger[-1].at
    lines = list(review_lines(then, EVERYTHING, at))
    account = folded(ledger)
    chosen = data.draw(st.lists(st.sampled_from(lines), unique=True, max_size=6)) if lines else []
    for line in chosen:
        # Away and back, which has nothing to do with the decision.
        account = _gone_on(data, account, ledger, [None, None], [line])
    account, review = _started(account, ledger, facts_of(then, at))
    for line in chosen:
        asked = [AskedDecision(line.id, data.draw(DECISIONS))]
        decided = decide_lines(account, review, asked, started_lines(lines), None, lambda _: None, at)
        account, at = called(account, ledger, decided.events, at)
        if decided.events and asked[0].decision == "revoke":
            assert find_line(account, line.grant) is None
    account = _gone_on(data, account, ledger, data.draw(st.lists(st.just(None) | ANY_STEP, max_size=MORE_CALLS)), lines)
    at = ledger[-1].at

    in_scope = list(review_lines(account, EVERYTHING, at))
    found = list(review_rows(lines, account, in_scope, decisions_of(review.id, ledger)))
    changes = [entry for entry in ledger if isinstance(entry.event, Change)]
    since = [entry for entry in changes if entry.position > then.position]
    presences = trace_presence(then, since, {row.line.grant for row in found if is_traced(row)})
    rows = {row.line.grant: traced_row(row, presences.get(row.line.grant, ())) for row in found}

    was, is_ = {line.grant for line in lines}, {line.grant for line in in_scope}
    assert {grant for grant, row in rows.items() if row.now == "new"} == is_ - was
    assert {grant for grant, row in rows.items() if row.now == "gone"} == was - is_
    returned = {grant for grant, row in rows.items() if row.now == "returned"}
    assert returned == {grant for grant in was & is_ if _is_revoked(rows[grant])}
    for grant, row in rows.items():
        if is_traced(row):
            _assert_traced(then, since, grant, row)


def _gone_on(
    data: DataObject, account: Account, ledger: list[Entry], steps: Sequence[Step | None], lines: Sequence[ReviewLine]
) -> Account:
    """With these steps behind the ledger. None stands for one that takes a line away or gives it back."""
    random, at = never_twice(1_000_000), ledger[-1].at
    events: Sequence[Event]
    for step in steps:
        try:
            if step is None:
                events = [_turned(account, data.draw(st.sampled_from(lines)).grant)] if lines else []
            else:
                events = step(data.draw, account, at, random)  # type: ignore[arg-type]
        except (Refusal, Nothing):
            continue
        account, at = called(account, ledger, events, at)
    return account


def _turned(account: Account, grant: Grant) -> AccountChange:
    """What takes it away where it is there, and gives it back where it is not. Raises refusals."""
    line = find_line(account, grant)
    if line is not None:
        return revoke(account, line).events[-1]
    if principal_kind(account, grant.principal_id) in {None, "root"}:
        raise Nothing
    kind, holder = holder_of(account, grant.principal_id)
    name = holder.name
    if grant.kind == "attached_policy":
        return attach(account, kind, name, policy_arn=grant.thing)[-1]
    if grant.kind == "inline_policy":
        return put_inline(account, kind, name, policy_name=grant.thing, document=ALLOW_ALL)
    if grant.kind != "group_membership" or grant.thing not in account[GROUPS].by_id:
        raise Nothing
    return add_user_to_group(account, group_name=account[GROUPS].by_id[grant.thing].name, user_name=name)[0]


def _started(account: Account, ledger: list[Entry], facts: ReviewFacts) -> tuple[Account, AccessReview]:
    """Whatever else there is."""
    event = start_review(
        account.put(ACCESS_REVIEWS, ACCESS_REVIEWS.empty),
        review_id="ARVW0",
        name="property",
        lines=replace(facts, count=1),
        due_at=None,
        reviewers=(),
        allows_own=False,
        at=ledger[-1].at,
    )
    account, _ = called(account, ledger, [event], ledger[-1].at)
    return account, account[ACCESS_REVIEWS]["property"]


def _is_revoked(row: ReviewRow) -> bool:
    return row.decision is not None and row.decision.decision == "revoke"


def _assert_traced(then: Account, since: Sequence[Entry], grant: Grant, row: ReviewRow) -> None:
    """By looking for the grant in every value."""
    there, account, turns = find_line(then, grant) is not None, then, list[tuple[int, bool]]()
    for entry in since:
        account = folded([entry], account)
        now = find_line(account, grant) is not None
        if now != there:
            turns.append((entry.position, now))
        there = now
    went, came = ([position for position, is_there in turns if is_there == which] for which in (False, True))
    if row.now == "new":
        assert row.came is not None
        assert (row.went, row.came.position) == (None, came[-1])
    elif _is_revoked(row):
        assert row.decision is not None
        assert row.went is not None
        first = min(position for position in went if position > row.decision.made.position)
        assert row.went.position == first
        assert (row.came and row.came.position) == (came[-1] if row.now == "returned" else None)
    else:
        assert row.went is not None
        assert (row.went.position, row.came) == (went[-1], None)


def test_a_review_is_started_and_closed() -> None:
    """Within its limits, under a name that no other has; the oldest closed one makes room, and what is undecided is
    left so only when that is said."""
    account, review = reviewed(company())
    facts = facts_of(account, AT)

    def start(value: Account, name: str = "next", **given: object) -> AccessReview:
        said = {"lines": facts, "due_at": None, "reviewers": (), "allows_own": False, "at": AT, **given}
        event = start_review(value, review_id=f"ARVW{name}", name=name, **said)  # type: ignore[arg-type]
        return after(value, event)[ACCESS_REVIEWS][name]

    refused: Sequence[tuple[type[Refusal], str, dict[str, object]]] = (
        (EntityAlreadyExists, "q4", {}),
        (ValidationError, "../x", {}),
        (ValidationError, "past", {"due_at": AT}),
        (ValidationError, "empty", {"lines": replace(facts, count=0)}),
        (LimitExceeded, "large", {"lines": replace(facts, count=LINES_MAX + 1)}),
    )
    for refusal, name, otherwise in refused:
        with pytest.raises(refusal, match="50,001 lines" if name == "large" else None):
            start(account, name, **otherwise)
    assert start(account, lines=replace(facts, count=LINES_MAX)).line_count == LINES_MAX
    for number in range(OPEN_REVIEWS_MAX - 1):
        account = account.put(ACCESS_REVIEWS, account[ACCESS_REVIEWS].set(f"o{number}", start(account, f"o{number}")))
    with pytest.raises(LimitExceeded, match="20 open access reviews"):
        start(account)
    with pytest.raises(ValidationError, match="1 of 12 lines"):
        close_review(review, undecided=1, incomplete=False)
    account = after(account, close_review(review, undecided=1, incomplete=True))
    closed = account[ACCESS_REVIEWS]["q4"]
    assert closed.closed is not None
    assert (closed.closed.undecided, closed.closed.position) == (1, account.position)
    full = account[ACCESS_REVIEWS].update(
        {f"c{n}": replace(closed, name=f"c{n}", started_position=99) for n in range(REVIEWS_KEPT_MAX)}
    )
    event = start_review(
        account.put(ACCESS_REVIEWS, full),
        review_id="ARVWn",
        name="n",
        lines=facts,
        due_at=None,
        reviewers=(),
        allows_own=False,
        at=AT,
    )
    assert event.replaces == "q4"
