"""The table of violations against the same intervals made in memory, which tests/domain/compliance prove right."""

from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from domain.account import FoldStep
from domain.compliance.adoption import adopted_criteria, own_criteria
from domain.compliance.check import CheckCriterion
from domain.compliance.finding_changes import Criteria
from domain.compliance.frameworks import built_in_criteria, built_in_frameworks
from domain.compliance.intervals import Violation, violations
from domain.families.compliance_frameworks import COMPLIANCE_FRAMEWORKS
from domain.families.exemptions import EXEMPTIONS, ExemptionGranted
from domain.families.users import UserCreated, UserDeleted
from domain.foundation.events import read_entry
from domain.foundation.moments import Moment
from domain.rules import mfa_devices
from projections.engine.apply import apply_batch
from projections.engine.definition import Projection
from projections.engine.folded_accounts import FoldedAccounts
from projections.queries.compliance import exemptions_between
from projections.tables import compliance
from tests.domain.compliance.test_intervals import steps
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import NOW, Ledger
from tests.projections.test_properties import few


@few
@given(attempts(), st.integers(1, 9), st.booleans())
def test_the_table_equals_the_intervals(
    writer: psycopg.Connection,
    projector: psycopg.Connection,
    tried: list[Attempt],
    size: int,
    value_is_kept: bool,  # noqa: FBT001  drawn
) -> None:
    """Batch after batch, whether or not the account's value is there from the last."""
    ledger, projection, folded = Ledger(writer), Projection.load("compliance"), FoldedAccounts()
    play(ledger, tried)
    while apply_batch(projector, projection, ledger.account_id, size, folded=folded if value_is_kept else None) != (
        ledger.position,
        ledger.position,
        False,
    ):
        pass
    told = projector.execute(
        "select to_jsonb(violations) - 'account_id' - 'is_current' from violations where account_id = %s",
        (ledger.account_id,),
    ).fetchall()
    stored = projector.execute(
        "select state from ledger.changes where account_id = %s order by position", (ledger.account_id,)
    ).fetchall()
    changes = steps([read_entry(state)[1] for (state,) in stored])
    expected = violations(built_in_criteria(), changes)
    for criterion, last in _own(changes).items():
        expected += violations(Criteria((criterion,)), changes[: last + 1])
    assert sorted(map(_text, (row for (row,) in told))) == sorted(map(_text, map(_row, expected)))
    watched = projector.execute(
        "select criterion from watched_criteria where account_id = %s and until is null", (ledger.account_id,)
    ).fetchall()
    adopted = adopted_criteria(ledger.account[COMPLIANCE_FRAMEWORKS])
    assert sorted(name for (name,) in watched) == sorted(each.id for each in adopted)


def test_exemptions_end_with_whoever_was_exempt(
    writer: psycopg.Connection, projector: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """In the table as in the account: whatever is made anew by the same ARN is another one."""
    ledger = Ledger(writer)
    arn = ledger.account.arn("mfa/ann")
    device = mfa_devices.create(ledger.account, arn=arn, name="ann", path="/", seed_id="s")
    of_user = {"user_id": "AIDA1", "user_name": "ann"}
    ledger.append(device, UserCreated(**of_user, path="/"))
    said = {"kinds": (), "reason": "r", "until": NOW, "controls": ("house/1",), "asked": ("x",), "owner_name": "ann"}
    owners = {arn, "AIDA1"}
    for owner_id in owners:
        ledger.append(ExemptionGranted.model_validate({**said, "exemption_id": owner_id, "owner_id": owner_id}))
    granted_at = ledger.position
    ledger.append(*mfa_devices.delete(ledger.account, serial_number=arn)[:1], UserDeleted(**of_user), device)
    assert not ledger.account[EXEMPTIONS]
    apply_batch(projector, Projection.load("compliance"), ledger.account_id, 100)
    for last, ended in ((granted_at, {None}), (ledger.position, {"owner gone"})):
        found = exemptions_between(reader, ledger.account_id, 0, Moment(last, ledger.at))
        assert {each.owner_id for each in found} == owners
        assert {each.ended_as for each in found} == ended


def test_tables_are_built_anew_where_a_framework_has_other_criteria(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if some other one has them, too, and all is looked at: what is recorded is of those that are adopted."""
    before, known = compliance.version.__wrapped__(), built_in_frameworks()
    cis = known["cis-5.0"]
    monkeypatch.setattr(
        compliance, "built_in_frameworks", lambda: {**known, "cis-5.0": replace(cis, controls=cis.controls[:20])}
    )
    assert compliance.version.__wrapped__() != before


def _own(changes: Sequence[FoldStep]) -> dict[CheckCriterion, int]:
    """Criteria that the account alone has had, and the last change that they were looked at with."""
    return {
        criterion: number
        for number, (before, _, after) in enumerate(changes)
        for adopted in (before[COMPLIANCE_FRAMEWORKS], after[COMPLIANCE_FRAMEWORKS])
        for criterion in own_criteria(adopted)
    }


def _row(violation: Violation) -> dict[str, object]:
    fields = violation._asdict()
    key = fields.pop("key")
    return {**fields, "criterion": key.criterion_id, "subject_id": key.subject_id}


def _text(row: dict[str, object]) -> str:
    """Whatever way of writing a time each has."""
    said = from_json(to_json(row))
    return repr(sorted((name, str(value).replace("+00:00", "Z")) for name, value in said.items()))
