"""Rounds: what one transaction decides, at which time, and what a call that fails leaves of the others."""

import hashlib
from datetime import datetime, timedelta

import pytest

from domain.calls import NeedsAccounts, NewSecret
from domain.families.credential_use import CredentialUsed
from domain.families.users import USERS
from domain.foundation.errors import EntityAlreadyExists
from domain.foundation.events import Entry, Use
from domain.foundation.long_texts import text_digest
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules.users import delete_user
from services.ledger import committer as committing
from services.ledger import round as deciding
from services.ledger.database import Database, connect
from services.ledger.long_texts import get_texts
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import (
    CallResult,
    DecideCall,
    LedgerAppend,
    LedgerNotLocked,
    LedgerStates,
    LedgerUnavailable,
)
from services.ledger.round import system_clock
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    BEGAN_AT,
    OTHER,
    SECRETS,
    SteppingClock,
    account_in,
    appending,
    cause,
    commits,
    committer_on,
    creating,
    folded,
    found,
    ledger,
    operations,
    rounds,
    running,
    submit,
    use,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def founded(database: Database) -> Database:
    found(database, ACCOUNT, OTHER)
    return database


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a round decides all that it has taken."""
    monkeypatch.setattr(deciding, "DECIDING_SECONDS_MAX", 3_600.0)


@pytest.mark.usefixtures("unhurried")
def test_many_calls_share_a_commit(founded: Database) -> None:
    """Of 300 waiting calls the first round takes 256 and the second the rest: two commits, one time each, and
    positions without gaps over both tables."""
    before = commits(founded)
    committer = committer_on(founded)
    answers = [submit(committer, creating(f"user{number}")) for number in range(300)]
    with running(committer):
        done = [answer.result(ANSWER_SECONDS_MAX) for answer in answers]
    assert commits(founded) == before + 2
    assert len({call.result for call in done[: committing.CALLS_A_ROUND_MAX]}) == 1
    assert len({call.result for call in done[committing.CALLS_A_ROUND_MAX :]}) == 1
    entries = ledger(founded)
    assert [call.positions[ACCOUNT] for call in done] == list(range(3, len(entries) + 1, 2))
    assert operations(entries) == [f"user{number}" for number in range(300)]


def test_a_round_decides_for_a_bounded_time(founded: Database) -> None:
    """When a decision has taken longer than a round may, those behind it are decided in the next one, in order."""

    def laborious(_values: LedgerStates, at: datetime) -> CallResult:
        hashlib.pbkdf2_hmac("sha256", b"takes long", b"on every machine", 500_000)
        return CallResult(at, [LedgerAppend(ACCOUNT, cause(), [use("laborious")])])

    committer = committer_on(founded)
    decisions: list[DecideCall] = [laborious, creating("next"), creating("last")]
    answers = [submit(committer, decide) for decide in decisions]
    with running(committer):
        first, *others = [answer.result(ANSWER_SECONDS_MAX).result for answer in answers]
    assert first < min(others)
    assert operations(ledger(founded)) == ["laborious", "next", "last"]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("calls_before", [0, 10, 2 * committing.CALLS_A_ROUND_MAX])
def test_a_flood_does_not_keep_others_waiting(founded: Database, calls_before: int) -> None:
    """A call beside more calls of another account than a round takes is in the first round, wherever it stands."""
    committer = committer_on(founded)
    flood = [submit(committer, appending(use())) for _ in range(calls_before)]
    single = submit(committer, appending(use(), to=OTHER), OTHER)
    flood += [submit(committer, appending(use())) for _ in range(2 * committing.CALLS_A_ROUND_MAX - calls_before)]
    with running(committer):
        times = [answer.result(ANSWER_SECONDS_MAX).result for answer in flood]
        assert single.result(ANSWER_SECONDS_MAX).result == min(times) < max(times)


@pytest.mark.usefixtures("unhurried")
def test_an_exception_is_its_call_s_own(founded: Database) -> None:
    """A decision that raises, a refusal or a defect, gets that as its answer; the others of the round commit once."""

    def defect(_values: LedgerStates, _at: datetime) -> CallResult:
        raise ZeroDivisionError

    before = commits(founded)
    committer = committer_on(founded)
    decisions = [creating("ann"), defect, creating("ANN"), appending(use(), to=OTHER), creating("bob")]
    answers = [submit(committer, decide) for decide in decisions]
    with running(committer):
        assert isinstance(answers[1].exception(ANSWER_SECONDS_MAX), ZeroDivisionError)
        assert isinstance(answers[2].exception(ANSWER_SECONDS_MAX), EntityAlreadyExists)
        # Appending to an account that the call did not ask for: the round does not hold it.
        assert isinstance(answers[3].exception(ANSWER_SECONDS_MAX), LedgerNotLocked)
        assert account_in(answers[4].result(ANSWER_SECONDS_MAX).values)[USERS].find("ann")
    assert commits(founded) == before + 1
    assert operations(ledger(founded)) == ["ann", "bob"]


def not_encodable(_values: LedgerStates, at: datetime) -> CallResult:
    return CallResult(at, [LedgerAppend(ACCOUNT, cause(), [use("\ud800")])])


def not_insertable(_values: LedgerStates, at: datetime) -> CallResult:
    """Its key id is taken, which the database finds out when everything else has been inserted."""
    secret = NewSecret(SecretId(SecretKind.ACCESS_KEY, "AKIATAKEN"), "AIDA", Secret("second"))
    return CallResult(at, [LedgerAppend(ACCOUNT, cause(), [use("never")], new_secrets=[secret])])


@pytest.mark.parametrize("unwritable", [not_encodable, not_insertable])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_cannot_be_written_fails_alone(founded: Database, unwritable: DecideCall, place: int) -> None:
    """Whether an entry cannot become bytes or the database refuses a row: the call fails, wherever it stands in the
    round, and the others are recorded once each."""
    with connect(founded, "writer") as connection, connection.cursor() as cursor:
        SECRETS.put(cursor, ACCOUNT, "AIDA", SecretId(SecretKind.ACCESS_KEY, "AKIATAKEN"), Secret("first"))
    committer = committer_on(founded)
    decisions = [creating("ann"), creating("bob")]
    decisions.insert(place, unwritable)
    answers = [submit(committer, decide) for decide in decisions]
    with running(committer):
        assert answers.pop(place).exception(ANSWER_SECONDS_MAX)
        positions = [answer.result(ANSWER_SECONDS_MAX).positions[ACCOUNT] for answer in answers]
        afterwards = submit(committer, creating("eve")).result(ANSWER_SECONDS_MAX)
    assert positions == [3, 5]
    assert operations(ledger(founded)) == ["ann", "bob", "eve"]
    assert afterwards.values[ACCOUNT] == folded(ledger(founded))


def test_secrets_stand_and_fall_with_their_events(founded: Database) -> None:
    """What a call seals is there when its events are, and gone when a later call destroys it."""

    def sealing(_values: LedgerStates, at: datetime) -> CallResult:
        secret = NewSecret(SecretId(SecretKind.ACCESS_KEY, "AKIANEW"), "AIDA", Secret("wJalr"))
        return CallResult(at, [LedgerAppend(ACCOUNT, cause(), [use()], new_secrets=[secret])])

    def destroying(_values: LedgerStates, at: datetime) -> CallResult:
        return CallResult(
            at,
            [LedgerAppend(ACCOUNT, cause(), [use()], destroyed_secrets=[SecretId(SecretKind.ACCESS_KEY, "AKIANEW")])],
        )

    with (
        connect(founded, "writer") as connection,
        connection.cursor() as cursor,
        running(committer_on(founded)) as committer,
    ):
        submit(committer, sealing).result(ANSWER_SECONDS_MAX)
        secret = SECRETS.get(cursor, ACCOUNT, SecretId(SecretKind.ACCESS_KEY, "AKIANEW"))
        assert secret is not None
        assert secret.reveal() == "wJalr"
        submit(committer, destroying).result(ANSWER_SECONDS_MAX)
        assert SECRETS.get(cursor, ACCOUNT, SecretId(SecretKind.ACCESS_KEY, "AKIANEW")) is None


def test_long_texts_stand_and_fall_with_their_events(founded: Database) -> None:
    """What a call brings is there when its events are, once, and only its account finds it; of a call that cannot be
    written it is not. Its bytes are told, as those of entries are."""
    text, told = "ä" * 100_000, list[tuple[object, int]]()

    def bringing(appended: Use) -> DecideCall:
        return lambda _values, at: CallResult(at, [LedgerAppend(ACCOUNT, cause(), [appended], new_texts=[text])])

    made_with = rounds(clock=SteppingClock(), mapper=EntryMapper(lambda caused, size: told.append((caused, size))))
    with (
        connect(founded, "writer") as connection,
        connection.cursor() as cursor,
        running(committer_on(founded, made_with=made_with)) as committer,
    ):
        assert submit(committer, bringing(use("\ud800"))).exception(ANSWER_SECONDS_MAX)
        with pytest.raises(LookupError, match="is not there"):
            get_texts(cursor, ACCOUNT, [text_digest(text)])
        told.clear()
        for _ in range(2):
            submit(committer, bringing(use())).result(ANSWER_SECONDS_MAX)
        assert get_texts(cursor, ACCOUNT, [text_digest(text)]).by_sha256 == {text_digest(text): text}
        with pytest.raises(LookupError, match="is not there"):
            get_texts(cursor, OTHER, [text_digest(text)])
    assert [size for caused, size in told if isinstance(caused, LedgerAppend)] == [200_000, 200_000]


def test_a_call_may_append_to_a_ledger_twice(founded: Database) -> None:
    """Events under two causes in one ledger follow each other; none takes the other's place."""

    def decide(_values: LedgerStates, at: datetime) -> CallResult:
        return CallResult(
            at, [LedgerAppend(ACCOUNT, cause("first"), [use("1")]), LedgerAppend(ACCOUNT, cause("second"), [use("2")])]
        )

    with running(committer_on(founded)) as committer:
        assert submit(committer, decide).result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 3}
    assert [entry.cause.operation for entry in ledger(founded)] == ["Any", "first", "second"]


def test_each_call_gets_the_values_behind_its_own_events(founded: Database) -> None:
    """Though decided in one round, an earlier call does not see what a later one has done."""

    def deleting(values: LedgerStates, at: datetime) -> CallResult:
        return CallResult(at, [LedgerAppend(ACCOUNT, cause(), [delete_user(account_in(values), user_name="ann")])])

    committer = committer_on(founded)
    created, deleted = submit(committer, creating("ann")), submit(committer, deleting)
    with running(committer):
        assert account_in(created.result(ANSWER_SECONDS_MAX).values)[USERS].find("ann")
        assert not account_in(deleted.result(ANSWER_SECONDS_MAX).values)[USERS].find("ann")


def test_a_call_that_needs_more_accounts_is_run_again_with_them(founded: Database) -> None:
    """The decision runs a second time with both values, and its events stand in both ledgers under one shared id."""
    seen = []

    def decide(values: LedgerStates, at: datetime) -> CallResult:
        seen.append(set(values))
        if OTHER not in values:
            raise NeedsAccounts(frozenset({OTHER}))
        return CallResult(at, [LedgerAppend(account_id, cause("both"), [use()]) for account_id in (ACCOUNT, OTHER)])

    with running(committer_on(founded)) as committer:
        done = submit(committer, decide).result(ANSWER_SECONDS_MAX)
    assert seen == [{ACCOUNT}, {ACCOUNT, OTHER}]
    assert done.positions == {ACCOUNT: 2, OTHER: 2}
    last: list[Entry] = [ledger(founded, account_id)[-1] for account_id in (ACCOUNT, OTHER)]
    assert {(entry.at, entry.cause.shared_id) for entry in last} == {(done.result, "both")}


def test_a_call_that_needs_what_it_has_fails(founded: Database) -> None:
    """A decision that asks again for accounts that it was given is answered with its question, not run for ever."""

    def decide(_values: LedgerStates, _at: datetime) -> CallResult:
        raise NeedsAccounts(frozenset({ACCOUNT}))

    with running(committer_on(founded)) as committer, pytest.raises(NeedsAccounts, match=ACCOUNT):
        submit(committer, decide).result(ANSWER_SECONDS_MAX)


def test_an_account_that_is_not_there_is_an_empty_value(founded: Database) -> None:
    """A decision that comes to need an account which does not exist sees that, and does not wait for ever."""
    nowhere = "999999999999"

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        if nowhere not in values:
            raise NeedsAccounts(frozenset({nowhere}))
        return CallResult(values[nowhere].exists, [LedgerAppend(ACCOUNT, cause("looks"), [use()])])

    with running(committer_on(founded)) as committer:
        assert submit(committer, decide).result(ANSWER_SECONDS_MAX).result is False


def test_no_ledger_begins_by_being_written_to(founded: Database) -> None:
    """A decision that appends to an account which does not exist fails, and nothing of it stands elsewhere."""
    nowhere = "999999999999"

    def both(_values: LedgerStates, _at: datetime) -> CallResult:
        return CallResult(
            None, [LedgerAppend(account_id, cause("both"), [use("both")]) for account_id in (ACCOUNT, nowhere)]
        )

    with running(committer_on(founded)) as committer:
        answer = submit(committer, both, ACCOUNT, nowhere)
        with pytest.raises(LedgerNotLocked, match=nowhere):
            answer.result(ANSWER_SECONDS_MAX)
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
    assert ledger(founded, nowhere) == []
    assert "both" not in operations(ledger(founded))


@pytest.mark.parametrize("behind", [timedelta(), timedelta(seconds=2), -HOUR])
def test_time_never_runs_backwards(founded: Database, behind: timedelta) -> None:
    """The round's time is the clock's or the head's, whichever is later, and it is that of its entries."""
    head_at = ledger(founded)[-1].at
    now = head_at - behind
    with running(committer_on(founded, made_with=rounds(clock=lambda: now))) as committer:
        at = submit(committer, appending(use())).result(ANSWER_SECONDS_MAX).result
    assert at == max(now, head_at) == ledger(founded)[-1].at


def test_a_clock_behind_a_head_writes_nothing(founded: Database) -> None:
    """More than two seconds behind what is recorded a server cannot know the time: Unavailable, until it can."""
    head_at = ledger(founded)[-1].at
    clock = SteppingClock(head_at - timedelta(seconds=2, milliseconds=2))
    with running(committer_on(founded, made_with=rounds(clock=clock))) as committer:
        with pytest.raises(LedgerUnavailable, match=r"clock is 0:00:02\.001000 behind the ledger"):
            submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).result == head_at
    assert operations(ledger(founded)) == ["ann"]


@pytest.mark.parametrize("off", [timedelta(seconds=-10), timedelta(seconds=10)])
def test_a_clock_far_from_the_database_s_writes_nothing(founded: Database, off: timedelta) -> None:
    """Two clocks that disagree by more than five seconds cannot both be right; in agreement they are believed."""
    wrong = rounds(clock=lambda: system_clock() + off, database_clock_checked=True)
    with (
        running(committer_on(founded, made_with=wrong)) as committer,
        pytest.raises(LedgerUnavailable, match="clock and the database's are"),
    ):
        submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
    right = rounds(clock=system_clock, database_clock_checked=True)
    with running(committer_on(founded, made_with=right)) as committer:
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).result > BEGAN_AT


def test_changes_alone_move_the_last_change(founded: Database) -> None:
    """A use moves the position of the ledger and not that of the value: nobody has to catch up with it."""
    used = CredentialUsed(credential="role", credential_id="AROA", service="iam", region="")
    with running(committer_on(founded)) as committer:
        changed = submit(committer, appending(use(), used, use())).result(ANSWER_SECONDS_MAX)
    assert changed.positions == {ACCOUNT: 4}
    assert changed.values[ACCOUNT].position == 3
    assert changed.values[ACCOUNT] == folded(ledger(founded))
