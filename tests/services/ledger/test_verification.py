"""Verifying: what is whole is said to be, and each way of breaking a ledger is named, with the place."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import AccountCreated
from domain.families.aliases import ACCOUNT_ALIAS
from domain.families.groups import GROUPS
from domain.families.user_credentials import SigningCertificateUploaded
from domain.families.users import UserCreated, UserDeleted
from domain.foundation.events import Entry, Event
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.long_texts import text_digest
from domain.foundation.secret import SecretKind
from domain.installation import AccountRetired, AliasClaimed
from projections.engine.sql_files import load_statements
from services.ledger import verification
from services.ledger.database import Database, connect
from services.ledger.discrepancy import Discrepancy
from services.ledger.verification import VerificationResult, verify
from tests.histories import folded, histories
from tests.services.ledger.rounds import ACCOUNT, OTHER
from tests.services.ledger.whole_ledger import (
    HISTORY,
    MAPPER,
    entry,
    finding,
    write,
    write_installation,
    write_secrets,
    write_snapshot,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(histories(), st.data())
def test_honest_ledgers_are_whole(
    writer: psycopg.Connection, owner: psycopg.Connection, history: list[Entry], data: st.DataObject
) -> None:
    """Any legal history, with its secrets and with snapshots from wherever, is found in order up to its last event."""
    owner.execute(
        "truncate ledger.heads, ledger.changes, ledger.uses, ledger.snapshots, ledger.texts, secrets.data_keys cascade"
    )
    first = history[0].event
    assert isinstance(first, AccountCreated)
    account = folded(history)
    alias, closed = account[ACCOUNT_ALIAS], account.closed_at
    claims: list[Event] = [AliasClaimed(account_alias=alias, for_account_id=ACCOUNT)] if alias else []
    claims += [AccountRetired(retired_account_id=ACCOUNT)] if closed else []
    write_installation(writer, first.ledger_id, *claims)
    write(writer, history)
    write_secrets(writer, folded(history))
    for position in data.draw(st.sets(st.integers(1, len(history)), max_size=3)):
        write_snapshot(writer, folded(history[:position]))
    assert verify(writer) == [
        VerificationResult(INSTALLATION, 2 + len(claims), None),
        VerificationResult(ACCOUNT, len(history), None),
    ]
    assert verify(writer, ACCOUNT) == verify(writer)


TAMPERINGS = load_statements("tests.services.ledger", "tamperings.sql")
NAMED: dict[str, tuple[int | None, str, str]] = {
    "a_use_is_missing": (4, "an event", "as the next one that of position 5"),
    "a_change_is_missing": (2, "an event", "as the next one that of position 3"),
    "the_first_is_missing": (1, "an event", "as the next one that of position 2"),
    "the_last_is_missing": (6, "a head with position 6", "7"),
    "one_stands_twice": (5, "an event", "as the next one that of position 4"),
    "a_byte_is_another": (2, "the bytes of an entry", "expected"),
    "a_byte_of_the_events_is_another": (2, "the bytes of an entry", "user_nama"),
    "a_space_more": (4, "bytes as this program writes them", "others that mean the same"),
    "two_are_swapped": (2, "the bytes of an entry", "the bytes say 123456789012, 5"),
    "another_topic": (2, "the bytes of an entry", "the bytes say"),
    "an_unknown_topic": (2, "the bytes of an entry", "No event has the topic 'x.v1'"),
    "another_time": (5, "the time 2026-02-01T00:00:04+00:00 of its bytes", "2026-02-01T00:00:03.999999+00:00"),
    "time_runs_backwards": (5, "a time not before 2026-02-01T00:00:03+00:00", "2026-01-02T00:00:00+00:00"),
    "a_change_among_the_uses": (5, "iam.group.created.v1 among the changes", "it among the uses"),
    "the_head_is_ahead": (7, "a head with position 7", "8"),
    "the_head_forgets_a_change": (7, "a head with last_change 7", "5"),
    "the_heads_time": (7, "a head with at 2026-02-01 00:00:06+00:00", "2026-01-02"),
    "no_head": (7, "a head", "none"),
    "a_broken_snapshot": (5, "a snapshot as it was written", "wrong digest"),
    "a_snapshot_that_is_none": (5, "a snapshot", "bytes that are none"),
    "a_snapshot_of_a_use": (6, "no snapshot, for there is no such change", "one"),
    "a_secret_is_missing": (None, "a sealed access-key-secret AKIAANN", "none"),
    "a_secret_without_a_key": (None, "no sealed access-key-secret AKIAEVE, for which the account has no use", "one"),
    "a_password_is_missing": (None, "a sealed password-hash AIPWANN", "none"),
    "a_password_without_a_profile": (None, "no sealed password-hash AIPWEVE, for which the account has no use", "one"),
    "a_secret_of_somebody_else": (None, "the access-key-secret AKIAANN sealed for AIDAANN", "for AIDAEVE"),
    "a_data_key_of_nobody": (None, "no data key of AIDAEVE, whom no event created", "one"),
    "the_account_is_closed_elsewhere": (None, "a closed account, as the installation has it", "an open account"),
    "the_ledger_of_another_account": (1, "the ledger 1f, which the installation has opened", "the ledger 2f"),
    "nothing_is_left": (1, "the ledger 1f, which the installation has opened", "nothing"),
}
"""By tampering: the position, what was expected there, and what of the finding has to be said."""


def test_every_kind_of_secret_is_looked_at() -> None:
    """A new one has a table, whose rows are to be accounted for too."""
    assert all(f"'{kind.value}'".encode() in bytes(verification.SQL["secrets"]) for kind in SecretKind)


def test_every_tampering_is_tried() -> None:
    """None stands in the file that nobody looks for."""
    assert TAMPERINGS.keys() == NAMED.keys()


@pytest.mark.parametrize("tampering", NAMED)
def test_what_is_broken_is_named(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], tampering: str
) -> None:
    """Whatever is altered behind the rules' back: the account, the position, what was expected there and what is there
    instead; and no other ledger is accused."""
    assert len(history) == 7
    position, expected, found = NAMED[tampering]
    owner.execute(TAMPERINGS[tampering])
    named = finding(verify(writer))
    assert named is not None
    assert (named.position, named.expected) == (position, expected)
    assert found in named.found
    assert finding(verify(writer, ACCOUNT)) == named


LONG_TEXTS: dict[str, tuple[LiteralString, int | None, str]] = {
    "missing": ("delete from ledger.texts", 8, "none"),
    "altered": ("update ledger.texts set text = 'another'", 8, hashlib.sha256(b"another").hexdigest()),
    "of no event": ("update ledger.texts set account_id = '210987654321'", 8, "none"),
    "more": ("insert into ledger.texts values ('123456789012', 'more', '')", None, "one"),
}


@pytest.mark.parametrize("tampering", LONG_TEXTS)
def test_long_texts_are_read(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], tampering: str
) -> None:
    """Each that an event names is there and is what its digest says, and there are no others. The database refuses to
    take another one for it, and whoever has it do so is found out."""
    named = {"credential_id": "CERTIFICATE", "user_id": "AIDAANN", "user_name": "ann"}
    digest = text_digest("the text")
    uploaded = SigningCertificateUploaded(**named, fingerprint="the text", body_sha256=digest, expires_at=history[0].at)
    write(writer, [*history, entry(ACCOUNT, 8, uploaded)][7:])
    assert finding(verify(writer)) is None
    statement, position, found = LONG_TEXTS[tampering]
    owner.execute("alter table ledger.texts drop constraint texts_check")
    owner.execute(statement)
    expected = f"the long text {digest}" if position else "no long text more, which no event names"
    assert Discrepancy(position, expected, found) in [each.finding for each in verify(writer)]


@pytest.mark.parametrize("account_id", [OTHER, INSTALLATION])
def test_a_ledger_that_nobody_opened(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], account_id: str
) -> None:
    """An account that the installation does not know is accused, whatever there is of it; an installation's ledger that
    is broken is accused itself, and accounts are not measured by it."""
    assert history
    if account_id == OTHER:
        write(writer, [entry(OTHER, 1, HISTORY[0])])
        expected = Discrepancy(1, "no account", "the ledger 1f")
    else:
        owner.execute("delete from ledger.changes where account_id = %s and position = 2", (INSTALLATION,))
        expected = Discrepancy(1, "a head with position 1", "2")
    assert finding(verify(writer), account_id) == expected


def test_secrets_of_nobody(writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]) -> None:
    """A secret in an account of which there is nothing else is found too."""
    assert history
    owner.execute("insert into secrets.access_key_secrets values (%s, 'AKIAEVE', 'AIDAEVE', '')", (OTHER,))
    named = finding(verify(writer), OTHER)
    assert named is not None
    assert named.expected == "no sealed access-key-secret AKIAEVE, for which the account has no use"


def test_a_snapshot_with_other_content(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]
) -> None:
    """One that was written well, but of a value that the changes do not give, is told with what differs in it. That of
    another shape is nobody's, and left alone."""
    owner.execute("delete from ledger.snapshots")
    value = folded(history[:5])
    write_snapshot(writer, value.put(GROUPS, folded(history[:4])[GROUPS]))
    assert finding(verify(writer)) == Discrepancy(5, "a snapshot equal to the fold", "another in groups")
    owner.execute("update ledger.snapshots set topic = 'snapshot.account.former'")
    assert finding(verify(writer)) is None


def test_an_event_that_cannot_have_happened(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]
) -> None:
    """Bytes in perfect order, of a change that no rule would have allowed there."""
    forged = replace(history[4], event=UserDeleted(user_id="AIDAEVE", user_name="eve"))
    stored = MAPPER.to_stored_event(forged)
    owner.execute(
        "update ledger.changes set topic = %s, state = %s where account_id = %s and position = 5",
        (stored.topic, stored.state, ACCOUNT),
    )
    named = finding(verify(writer))
    assert named is not None
    assert (named.position, named.expected) == (5, "a change that can follow those before it")


def test_while_others_write(
    database: Database, writer: psycopg.Connection, history: Sequence[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed in the midst of it belongs to a later moment; it tells how far it has come; and it may write
    nothing itself."""
    monkeypatch.setattr("services.ledger.verification.EVENTS_A_FETCH", 1)
    told: list[tuple[str, int, int]] = []
    with connect(database, "writer") as other:

        def tell(*progress: *tuple[str, int, int]) -> None:
            if not told:
                write(other, [entry(ACCOUNT, 8, UserCreated(user_id="AIDAEVE", user_name="eve", path="/"))])
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), writer.transaction():
                    writer.execute("insert into ledger.heads values ('111111111111')")
            told.append(progress)

        verdicts = verify(writer, tell=tell)
    assert verdicts[1] == VerificationResult(ACCOUNT, len(history), None)
    assert told[-1] == (f"the ledger of {ACCOUNT}", 9, 9)
    assert verify(writer)[1] == VerificationResult(ACCOUNT, len(history) + 1, None)


def test_a_database_that_goes_away(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PostgreSQL may on bytes that it trusts and should not: the place at which it did is told."""
    assert history
    monkeypatch.setattr("services.ledger.verification.EVENTS_A_FETCH", 1)

    def end(_what: str, done: int, _total: int) -> None:
        if done == 4:
            owner.execute("select pg_terminate_backend(%s)", (writer.info.backend_pid,))

    with pytest.raises(psycopg.OperationalError, match=f"while the ledger of {ACCOUNT} was read behind position 2"):
        verify(writer, tell=end)
