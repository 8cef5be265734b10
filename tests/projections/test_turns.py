"""What is recorded of violations, against the ledger: each turn of what was adopted then, once, whoever looks when."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.compliance.adoption import adopted_frameworks
from domain.compliance.check import CheckCriterion
from domain.compliance.finding_changes import Criteria
from domain.compliance.frameworks import built_in_criteria
from domain.compliance.intervals import violations
from domain.compliance.recording import SeenTurns, turn_events
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ComplianceViolationClosed,
    ComplianceViolationEvent,
)
from domain.foundation.events import Entry, read_entry
from projections.engine.apply import apply_batch
from projections.engine.definition import Projection
from projections.queries import due
from projections.queries.due import SQL, find_due
from tests.domain.compliance.test_intervals import steps
from tests.projections.histories import STEPS, Attempt, _framework, attempts, play
from tests.projections.ledger import Ledger
from tests.projections.test_properties import few

Turn = tuple[str, str, datetime, bool]
"""Criterion, subject, when, and whether it closed."""
HOUR = timedelta(hours=1)
FRAMEWORKS = STEPS.index(_framework)


class Schedulers:
    """Several, each of which acts on what it has found, at once or later."""

    def __init__(self, ledger: Ledger, reader: psycopg.Cursor) -> None:
        self._ledger, self._reader = ledger, reader
        self._found = list[SeenTurns]()

    def look(self, limit: int) -> bool:
        """Whether there was anything."""
        accounts = find_due(self._reader.connection, self._ledger.at + HOUR, limit=limit).accounts
        found = [each for each in accounts.get(self._ledger.account_id, ()) if isinstance(each, SeenTurns)]
        self._found += found
        return bool(found)

    def act(self) -> None:
        found, self._found = self._found, []
        for seen in found:
            at = max(self._ledger.at, seen.until)
            if events := turn_events(self._ledger.account, seen, at):
                self._ledger.append(*events, at=at)


@few
@given(attempts(), st.data())
def test_every_turn_is_recorded_once(
    writer: psycopg.Connection,
    projector: psycopg.Connection,
    reader: psycopg.Cursor,
    tried: list[Attempt],
    data: st.DataObject,
) -> None:
    """The tables lag or not, and a page and a call hold little."""
    ledger, projection = Ledger(writer), Projection.load("compliance")
    schedulers = Schedulers(ledger, reader)
    chance, size = st.integers(0, 9), st.integers(1, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due, "TURNS_PER_CALL_MAX", 3)
        for attempt in tried:
            play(ledger, [attempt])
            if (chosen := data.draw(chance)) > 7:  # Frameworks come and go, more often than in other histories.
                play(ledger, [(FRAMEWORKS, chosen, data.draw(chance))])
            if (drawn := data.draw(chance)) < 4:
                apply_batch(projector, projection, ledger.account_id, data.draw(size))
            if drawn in {1, 5}:
                schedulers.look(data.draw(size))
            if drawn in {1, 2}:
                schedulers.act()
        is_left = True
        while is_left:
            schedulers.act()
            apply_batch(projector, projection, ledger.account_id, 1_000)
            is_left = schedulers.look(1_000)
    told = reader.execute(
        "select state from ledger.changes where account_id = %s order by position", (ledger.account_id,)
    ).fetchall()
    entries = [read_entry(state)[1] for (state,) in told]
    recorded = [_turn(each.event) for each in entries if isinstance(each.event, ComplianceViolationEvent)]
    assert sorted(recorded) == sorted(_expected(steps(entries), ledger.at + HOUR))
    times = [at for _, _, at, _ in recorded]
    assert times == sorted(times)


def _turn(event: ComplianceViolationEvent) -> Turn:
    closed = event.closed_at if isinstance(event, ComplianceViolationClosed) else None
    return event.criterion, event.subject_id, closed or event.opened_at, closed is not None


def _expected(changes: Sequence[tuple[Account, Entry, Account]], until: datetime) -> Iterator[Turn]:
    adopted = defaultdict[CheckCriterion, list[tuple[datetime, datetime]]](list)
    last = dict[CheckCriterion, int]()
    """The change that it was looked at with."""
    since = dict[CheckCriterion, datetime]()
    for number, (_, entry, after) in enumerate(changes):
        now = {
            criterion
            for _, framework in adopted_frameworks(after[COMPLIANCE_FRAMEWORKS].values())
            for criterion in framework.criteria
        }
        for criterion in now - since.keys():
            since[criterion] = entry.at
        for criterion in since.keys() - now:
            adopted[criterion].append((since.pop(criterion), entry.at))
            last[criterion] = number
    for criterion, begins in since.items():
        adopted[criterion].append((begins, datetime.max.replace(tzinfo=UTC)))
        last[criterion] = len(changes)
    for criterion, spans in adopted.items():
        known = {each.id for each in built_in_criteria().every}
        looked_at = changes if criterion.id in known else changes[: last[criterion] + 1]
        for found in violations(Criteria((criterion,)), looked_at):
            for at, closes in ((found.from_at, False), (found.ends_at, True)):
                if at is not None and at <= until and any(begins <= at <= ends for begins, ends in spans):
                    yield criterion.id, found.key.subject_id, at, closes


def test_a_tick_reads_a_range_of_an_index(projector: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """However many violations are long recorded, or foreseen only."""
    projector.execute(
        "insert into violations select lpad((n % 50)::text, 12, '1'), 'c', 'K' || n, 'h', 'n', n, "
        "now() + ((n - 10000) || ' hours')::interval, false, 'x', now() + ((n - 5000) || ' hours')::interval, "
        "null, null, true from generate_series(1, 20000) as n"
    )
    projector.execute("insert into violations_recorded select distinct account_id, now(), '' from violations")
    projector.execute("analyze violations")
    asked = {"at": datetime.now(UTC) + HOUR, "limit": 100, "without": []}
    plan = [line for (line,) in reader.execute(b"explain " + SQL["due_turns"], asked).fetchall()]
    for index in ("violations_by_opening", "violations_by_end"):
        assert any(index in line for line in plan), plan
    assert not any("Seq Scan on violations " in line for line in plan), plan
