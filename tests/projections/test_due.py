"""What is nominated as due is what the folded account says is due, of all accounts at once."""

from datetime import datetime, timedelta
from fnmatch import filter as filter_names
from fnmatch import fnmatchcase as matches

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.families.passwords import (
    LOGIN_PROFILES,
    PASSWORD_POLICY,
    LoginProfileCreated,
    LoginProfileDeleted,
    LoginProfileUpdated,
    PasswordChanged,
    PasswordPolicyDeleted,
)
from domain.families.roles import ROLES
from domain.families.sessions import SessionExpired, SessionRevoked
from domain.families.users import USERS, UserCreated
from domain.foundation.events import Event, event_classes
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, next_wake, subject_exists
from domain.rules.session_expiries import Expiries
from projections.engine.definition import load_projections
from projections.queries.due import EXPIRIES_PER_CALL_MAX, SQL, SUBJECTS_PER_CALL_MAX, DueAccounts, find_due
from services.ledger.lifecycle_schedule import ScheduledLook, put_looks
from tests.domain.test_lifecycle import policy
from tests.projections.conftest import Project
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import SECOND, Ledger
from tests.projections.use_events import issued

NOTHING_EARLIER = {
    "nothing that a due time follows from": (
        "access_analyzer.*", "account.access_review.*", "account.alternate_contact.*", "account.compliance_*",
        "account.contact_information.*",
        "account.created.*", "account.credential.contained.*", "account.descent.*", "account.lineage.*",
        "account.reached.*", "api.*", "cloudtrail.*", "iam.account.property_set.*", "iam.account.token_version_set.*",
        "iam.account_alias.*", "iam.credential_report.*", "iam.instance_profile.*", "iam.oidc_provider.*",
        "iam.organizations_*", "iam.role.trust_policy_replaced.*", "iam.role.updated.*",
        "iam.saml_provider.encryption_mode_set.*", "iam.saml_provider.private_key_*", "iam.service_last_accessed.*",
        "iam.service_linked_role.*", "iam.key_rotation.*", "iam.credential.reported_leaked.*", "installation.*",
        "notification_target.*", "sts.session.expired.*",
    ),
    "who is an administrator, about which is thought anew every day while an action is withheld": (
        "iam.group.*", "iam.inline_policy.*", "iam.managed_catalogue.*", "iam.permissions_boundary.*", "iam.policy.*",
    ),
    "a use, which makes idle later; that what was idle may be so again is in the schedule already": (
        "iam.credential.used.*",
    ),
    "the end of a credential: of no other one something is due earlier": (
        "iam.access_key.deleted.*", "iam.login_profile.deleted.*", "iam.mfa_device.deactivated.*",
        "iam.mfa_device.deleted.*", "iam.user_credential.deleted.*",
    ),
    "of a credential that is nobody's or not known here": (
        "iam.mfa_device.created.*", "iam.root_login_profile.*",
    ),
    "attempts and codes, from which no age counts": (
        "iam.mfa_code.*", "iam.mfa_device.resynced.*", "iam.password.attempt_failed.*",
    ),
    "told by a look itself, which says when to look again": (
        "account.exemption.expired.*", "iam.credential.deactivated_by_policy.*", "iam.credential.deleted_by_policy.*",
        "iam.credential.expired.*", "iam.credential.expiry_warned.*", "iam.credential.idle.*",
        "iam.credential.policy_action_withheld.*", "iam.credential.rotation_*",
    ),
}  # fmt: skip
"""Topics of events that no mark is needed for, by the reason."""
few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
DAY = timedelta(days=1)
PASSWORD = {"user_id": "AIDAP", "user_name": "p", "password_id": "AIPW", "reset_required": False}


def calls(found: DueAccounts, account_id: str) -> tuple[LifecycleCandidates, ...]:
    return tuple(each for each in found.accounts.get(account_id, ()) if isinstance(each, LifecycleCandidates))


def subjects(candidates: tuple[LifecycleCandidates, ...]) -> tuple[set[str], set[str]]:
    """Whose credentials, and sessions."""
    return (
        {subject for call in candidates for subject in call.subjects},
        {over.session_id for call in candidates if call.expiries for over in call.expiries.sessions},
    )


def owed(ledger: Ledger, at: datetime) -> set[str]:
    """Of whom the fold says that something is due, of everybody one by one."""
    account = ledger.account
    everybody = (account.id, *account[USERS].by_id, *account[ROLES].by_id)
    return {each for each in everybody if due_events(account, LifecycleCandidates([each]), at, protection).events}


def looked(schedule: psycopg.Connection, ledger: Ledger, found: DueAccounts, at: datetime) -> None:
    """What the scheduler keeps of having looked."""
    account = ledger.account
    looks = [
        ScheduledLook(account.id, each, account.position, next_wake(account, each, at), subject_exists(account, each))
        for call in calls(found, account.id)
        for each in call.subjects
    ]
    put_looks(schedule, looks, {each: found.progress[each] for each in {account.id} & found.progress.keys()})


def passwords(ledger: Ledger, number: int) -> list[Event]:  # noqa: PLR0911  one case a step
    """Some step in the life of a password and its policy."""
    if "AIDAP" not in ledger.account[USERS].by_id:
        return [UserCreated(user_id="AIDAP", user_name="p", path="/")]
    there = "AIDAP" in ledger.account[LOGIN_PROFILES]
    match number:
        case 0 if there:
            return [LoginProfileDeleted(user_id="AIDAP", user_name="p")]
        case 0 | 1 if not there:
            return [LoginProfileCreated.model_validate(PASSWORD)]
        case 1:
            return [LoginProfileUpdated.model_validate(PASSWORD | {"password_id": None})]
        case 2 if there:
            return [LoginProfileUpdated.model_validate(PASSWORD)]
        case 3 if there:
            return [PasswordChanged(user_id="AIDAP", user_name="p", password_id="AIPW")]
        case 4 if ledger.account[PASSWORD_POLICY] is not None:
            return [PasswordPolicyDeleted()]
        case _:
            return [policy((None, 1, 3, 90)[number % 4])]


@few
@given(attempts(), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), min_size=8, max_size=16))
def test_rows_are_the_fold(
    writer: psycopg.Connection,
    reader: psycopg.Cursor,
    project: Project,
    tried: list[Attempt],
    others: list[tuple[int, int, bool]],
) -> None:
    """After every piece of a random legal history, in which now and then somebody looks and what is due is recorded,
    those are nominated of whom the fold says that something is due, now and later, and after a look nobody of whom
    nothing has changed and whose time has not come; and the sessions that are over, were not revoked before, and are
    not recorded."""
    ledger = Ledger(writer)
    ends: dict[str, datetime] = {}
    for number, (step, lasts, tick) in enumerate(others):
        size = len(tried) // len(others)
        play(ledger, tried[number * size : (number + 1) * size])
        ledger.append(*passwords(ledger, step))
        end = ledger.at + SECOND + 900 * SECOND * (1 + lasts * 50)
        ledger.append(issued(ledger, f"S{number}", at=ledger.at + SECOND, lasts=end - ledger.at - SECOND))
        ends[f"S{number}"] = end
        if step == 5 and number:
            ledger.append(SessionRevoked(session_id=f"S{number - 1}"))
            if ends.get(f"S{number - 1}", ledger.at) > ledger.at:
                ends.pop(f"S{number - 1}", None)
        project(ledger.account_id)
        for at in (ledger.at, ledger.at + 20 * DAY, ledger.at + 300 * DAY):
            nominated, sessions = subjects(calls(find_due(reader.connection, at, limit=1_000), ledger.account_id))
            assert owed(ledger, at) <= nominated
            assert sessions == {session for session, end in ends.items() if end <= at}
        if tick:
            at = ledger.at + SECOND
            found = find_due(reader.connection, at, limit=1_000)
            for candidates in calls(found, ledger.account_id):
                if events := due_events(ledger.account, candidates, at, protection).events:
                    ledger.append(*events, at=at)
                    for event in events:
                        if isinstance(event, SessionExpired):
                            assert event.expired_at == ends.pop(event.session_id)
            looked(writer, ledger, found, at)
            assert subjects(calls(find_due(reader.connection, at, limit=1_000), ledger.account_id))[0] == set()


def test_whatever_makes_something_due_earlier_leaves_a_mark() -> None:
    """Of every event there is, it is said here why it need not, or it has a section in projections/tables/due.sql."""
    (due,) = (projection for projection in load_projections() if projection.name == "due")
    patterns = [pattern for every in NOTHING_EARLIER.values() for pattern in every]
    unmarked = {topic for topic in event_classes() if not due.reads(topic)}
    assert {pattern for pattern in patterns if not filter_names(unmarked, pattern)} == set()
    assert {topic for topic in event_classes() if any(matches(topic, pattern) for pattern in patterns)} == unmarked


def test_a_look_on_an_older_value_is_not_believed(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """Of two who look at once, the one who knew less does not undo what the other has found; and what has changed
    behind a look is looked at."""
    ledger = Ledger(writer)
    ledger.append(UserCreated(user_id="AIDAP", user_name="p", path="/"))
    project(ledger.account_id)
    newer = ScheduledLook(ledger.account_id, "AIDAP", ledger.account.position, ledger.at + DAY, exists=True)
    put_looks(writer, [newer], {ledger.account_id: ledger.account.position})
    put_looks(writer, [newer._replace(evaluated=1, wake_at=None), newer._replace(evaluated=1, exists=False)], {})
    assert subjects(calls(find_due(reader.connection, ledger.at, limit=10), ledger.account_id))[0] == set()
    assert subjects(calls(find_due(reader.connection, ledger.at + DAY, limit=10), ledger.account_id))[0] == {"AIDAP"}
    ledger.append(LoginProfileCreated.model_validate(PASSWORD))
    project(ledger.account_id)
    assert subjects(calls(find_due(reader.connection, ledger.at, limit=10), ledger.account_id))[0] == {"AIDAP"}


def test_more_than_a_page_holds(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """What was left out is not taken to have been looked at; pages that follow one another nominate everybody."""
    ledger = Ledger(writer)
    everybody = {f"AIDA{number}" for number in range(SUBJECTS_PER_CALL_MAX + 20)}
    ledger.append(*(UserCreated(user_id=each, user_name=each, path="/") for each in sorted(everybody)))
    project(ledger.account_id)
    seen = set[str]()
    while not (found := find_due(reader.connection, ledger.at, limit=50)).complete:
        assert found.progress == {}
        nominated, _ = subjects(calls(found, ledger.account_id))
        assert not nominated & seen
        seen |= nominated
        looked(writer, ledger, found, ledger.at)
    assert seen | subjects(calls(found, ledger.account_id))[0] == everybody
    whole = find_due(reader.connection, ledger.at + 300 * DAY, limit=1_000)
    assert [len(call.subjects) for call in calls(whole, ledger.account_id)] == [SUBJECTS_PER_CALL_MAX, 20]


def test_what_was_not_read_yet_is_told(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Sessions come with the time up to which the rows show the account: that of the first event that they lack, be it
    a change or a use; and without a lag, the time of the question."""
    ledger = Ledger(writer)
    ledger.append(issued(ledger, "S1", at=ledger.at, lasts=900 * SECOND))
    project(ledger.account_id)
    at = ledger.at + DAY

    def seen() -> datetime:
        (call,) = calls(find_due(reader.connection, at, limit=10), ledger.account_id)
        assert isinstance(call.expiries, Expiries)
        return call.expiries.seen_until

    assert seen() == at
    for event in (issued(ledger, "S2", at=ledger.at), SessionRevoked(session_id="S9")):
        ledger.append(event, at=ledger.at + 100 * SECOND)
        missing = ledger.at
        ledger.append(SessionRevoked(session_id="S8"), at=ledger.at + 100 * SECOND)
        assert seen() == missing
        project(ledger.account_id)


def test_sessions_that_end_together_stay_together(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """A limit and a portion end only between two times: what is left out ends later than all that is there."""
    ledger = Ledger(writer)
    at = ledger.at
    together = EXPIRIES_PER_CALL_MAX + 20
    ledger.append(*(issued(ledger, f"A{number}", at=at) for number in range(together)))
    ledger.append(*(issued(ledger, f"B{number}", at=at + SECOND) for number in range(3)))
    project(ledger.account_id)
    found = find_due(reader.connection, at + DAY, limit=10)
    assert not found.complete
    (only,) = calls(found, ledger.account_id)
    assert only.expiries is not None
    assert len(only.expiries.sessions) == together
    found = find_due(reader.connection, at + DAY, limit=1_000)
    assert found.complete
    first, second = (call.expiries for call in calls(found, ledger.account_id))
    assert first is not None
    assert second is not None
    assert (len(first.sessions), len(second.sessions)) == (together, 3)
    assert (first.after, second.after) == (None, first.sessions[-1].expires_at)
    assert find_due(reader.connection, at + DAY, limit=1_000, without=[ledger.account_id]).accounts == {}


def test_it_is_a_range_of_an_index(
    projector: psycopg.Connection, writer: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """The question reads indexes, however many there are of whom nothing is due."""
    assert any(projection.name == "due" for projection in load_projections())
    numbers = "from generate_series(1, 20000) as n"
    account = "lpad((n % 100)::text, 12, '1')"
    projector.execute(f"insert into views.due_subjects select {account}, 'K' || n, 1 {numbers}")
    projector.execute("insert into views.due_accounts select distinct account_id, 1, 1 from views.due_subjects")
    writer.execute(f"insert into lifecycle.schedule select {account}, 'K' || n, 1, now() {numbers}")
    writer.execute("insert into lifecycle.progress select distinct account_id, 1 from lifecycle.schedule")
    for connection, table in ((projector, "views.due_subjects"), (projector, "views.due_accounts")):
        connection.execute(f"analyze {table}")
    asked = {"at": datetime.fromisoformat("2026-01-31T12:00:00+00:00"), "limit": 100, "without": []}
    plan = reader.execute(b"explain " + SQL["due_subjects"], asked).fetchall()
    assert any("schedule_wake" in line for (line,) in plan), plan
    assert not any("Seq Scan on due_subjects" in line for (line,) in plan), plan
