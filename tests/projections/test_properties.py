"""What the tables say is what the ledger says: at every position, in whatever portions it was read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import LAST_USES
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.passwords import LOGIN_PROFILES, PASSWORD_POLICY, LoginProfile, PasswordPolicy
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.user_credentials import SSH_PUBLIC_KEY, USER_CREDENTIALS, UserCredential
from domain.families.users import USERS
from domain.foundation.errors import NoSuchEntity
from domain.foundation.moments import AsOf, EventRef
from domain.read_models.credentials import AccessKeyCredential, HeldUserCredential, PasswordCredential
from projections.engine.apply import apply_batch
from projections.engine.definition import create_tables, load_projections
from projections.queries.credentials import credentials_at
from projections.queries.permissions import permissions_of
from services.ledger.database import Database, connect
from tests.projections.conftest import Project
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import NOW, Ledger

few = settings(
    max_examples=15,
    deadline=None,
    # Every example has an account of its own, so that they may share a database.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Held = set[tuple[str | None, str | None, str, str]]
"""Group's name, policy's ARN, policy's name, document."""


def folded(account: Account, entity_id: str) -> Held:
    """What the account's value says that an entity holds."""
    holders: list[tuple[str | None, str]] = [(None, entity_id)]
    holders += [(account[GROUPS].by_id[group].name, group) for group in account[MEMBERSHIPS].rights_of(entity_id)]
    held: Held = set()
    for group, holder in holders:
        for arn in account[ATTACHMENTS].rights_of(holder):
            policy = account[MANAGED_POLICIES][arn]
            held.add((group, arn, policy.name, policy.default.document))
        for name, document in account[INLINE_POLICIES].get(holder, {}).items():
            held.add((group, None, name, document))
    return held


def projected(reader: psycopg.Cursor, account_id: str, entity: str, position: int) -> Held:
    found = permissions_of(reader, account_id, entity, AsOf(NOW, position=position)).policies
    held = {(p.through.group_name if p.through else None, p.policy_arn, p.policy_name, p.document) for p in found}
    assert len(held) == len(found)
    assert all(p.since.position <= position and p.document_since.position <= position for p in found)
    return held


@few
@given(attempts())
def test_permissions_are_the_fold(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, tried: list[Attempt]
) -> None:
    """At every position of a legal history each user, group and role holds, by name, ARN and unique id, exactly what
    the folded account says; and who does not exist in the one does not exist in the other."""
    ledger = Ledger(writer)
    play(ledger, tried)
    project(ledger.account_id)
    everybody: set[str] = set()
    for position in range(1, ledger.position + 1):
        account = ledger.values[position]
        assert isinstance(account, Account)
        for entity in (*account[USERS], *account[GROUPS], *account[ROLES]):
            everybody.add(entity.id)
            expected = folded(account, entity.id)
            for called in (account.arn(entity.resource), entity.id):
                assert projected(reader, ledger.account_id, called, position) == expected
        for gone in everybody - {*account[USERS].by_id, *account[GROUPS].by_id, *account[ROLES].by_id}:
            with pytest.raises(NoSuchEntity):
                permissions_of(reader, ledger.account_id, gone, AsOf(NOW, position=position))
    versions = reader.execute(
        "select policy_arn, version from views.policy_versions where account_id = %s and valid_to is null"
        " order by 1, 2",
        (ledger.account_id,),
    ).fetchall()
    assert versions == sorted(
        (p.arn, number) for p in ledger.account[MANAGED_POLICIES].values() for number in p.versions
    )


def passwords_of(account: Account, ledger: Ledger, position: int) -> dict[str, PasswordCredential]:
    """What the account's value says about passwords. No two events of theirs have the same time: it tells which."""
    policy, at = account[PASSWORD_POLICY], ledger.times[position]

    def since(moment: datetime) -> EventRef:
        return EventRef(ledger.times.index(moment), moment, account.arn("user/admin"))

    def counting(user_id: str) -> PasswordPolicy | None:
        return None if user_id == account.id else policy

    def expiry(profile: LoginProfile) -> datetime | None:
        days = (own := counting(profile.user_id)) and own.max_password_age
        return profile.changed_at + timedelta(days=days) if days else None

    return {
        user_id: PasswordCredential(
            user_id=user_id,
            user_name=None if user_id == account.id else account[USERS].by_id[user_id].name,
            created=since(profile.created_at),
            changed=since(profile.changed_at),
            age_days=(at - profile.changed_at) // timedelta(days=1),
            reset_required=profile.reset_required,
            expires_at=expiry(profile),
            expired=(end := expiry(profile)) is not None and end <= at,
            hard_expiry=(own := counting(user_id)) is not None and own.hard_expiry,
        )
        for user_id, profile in account[LOGIN_PROFILES].items()
    }


def others_of(account: Account, ledger: Ledger, position: int) -> dict[str, HeldUserCredential]:
    """What the account's values say about other credentials."""
    at = ledger.times[position]

    def status(of: int, credential_id: str) -> str | None:
        value = ledger.values[of]
        assert isinstance(value, Account)
        credential = value[USER_CREDENTIALS].by_id.get(credential_id)
        return None if credential is None else credential.status

    def since(credential: UserCredential) -> int:
        """Where it came to have the status that it has."""
        told = [status(of, credential.id) for of in range(position + 1)]
        return max(of for of in range(1, position + 1) if told[of] != told[of - 1])

    def ref(of: int) -> EventRef:
        return EventRef(of, ledger.times[of], account.arn("user/admin"))

    return {
        each.id: HeldUserCredential(
            credential_id=each.id,
            user_id=each.user_id,
            user_name=account[USERS].by_id[each.user_id].name,
            created=ref(ledger.times.index(each.created_at)),
            age_days=(at - each.created_at).days,
            status=each.status,
            status_since=ref(since(each)),
            service_name=each.service_name,
            expires_at=each.expires_at,
            expired=each.is_expired(at),
            kind="ssh_public_key" if each.kind == SSH_PUBLIC_KEY else "service_specific_credential",
        )
        for each in account[USER_CREDENTIALS].by_id.values()
    }


@few
@given(attempts())
def test_credentials_are_the_fold(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, tried: list[Attempt]
) -> None:
    """At every position the access keys, their owners' names, status, age and last use are those of the folded
    account, and so are the passwords, their age, and by the account's password policy of that position their expiry."""
    ledger = Ledger(writer)
    play(ledger, tried)
    project(ledger.account_id)
    for position in range(1, ledger.position + 1):
        account = ledger.values[position]
        assert isinstance(account, Account)
        listed = credentials_at(reader, ledger.account_id, AsOf(NOW, position=position))
        assert {c.user_id: c for c in listed if isinstance(c, PasswordCredential)} == passwords_of(
            account, ledger, position
        )
        assert {c.credential_id: c for c in listed if isinstance(c, HeldUserCredential)} == others_of(
            account, ledger, position
        )
        found = {c.access_key_id: c for c in listed if isinstance(c, AccessKeyCredential)}
        assert found.keys() == set(account[ACCESS_KEYS].by_id)
        for key_id, key in account[ACCESS_KEYS].by_id.items():
            credential = found[key_id]
            user = account[USERS].by_id.get(key.user_id)
            assert (credential.user_id, credential.status) == (key.user_id, key.status)
            assert credential.user_name == (user.name if user else None)
            assert credential.created.at == key.created_at
            assert credential.age_days == (ledger.times[position] - key.created_at).days
            used = account[LAST_USES].get(key_id)
            last = credential.last_used
            assert (last and (last.at, last.service, last.region)) == (used and (used.at, used.service, used.region))


@contextmanager
def second_schema(database: Database) -> Iterator[None]:
    """Room for another copy of all tables."""
    with connect(database, "owner") as owner:
        owner.execute("create schema second")
        owner.execute("grant usage, create on schema second to muniment_projector")
        yield
        owner.execute("drop schema second cascade")


def rows(connection: psycopg.Connection, schema: str, account_id: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a schema says about an account, by table."""
    tables = connection.execute(
        "select table_name from information_schema.columns where table_schema = %s and column_name = 'account_id'",
        (schema,),
    ).fetchall()
    select = sql.SQL("select to_jsonb(t) - 'halted_at' from {} as t where account_id = %s order by 1")
    return {
        table: connection.execute(select.format(sql.Identifier(schema, table)), (account_id,)).fetchall()
        for (table,) in tables
    }


@settings(few, max_examples=5)
@given(attempts(), st.integers(1, 7))
def test_portions_make_no_difference(
    database: Database, writer: psycopg.Connection, projector: psycopg.Connection, tried: list[Attempt], size: int
) -> None:
    """Read at one go into one schema, and in small batches while it grows into another, a ledger makes equal tables."""
    ledger = Ledger(writer)
    with second_schema(database), connect(database, "projector") as second:
        create_tables(second, load_projections(), "second")
        for attempt in tried:
            play(ledger, [attempt])
            for projection in load_projections():
                apply_batch(second, projection, ledger.account_id, size)
        for projection in load_projections():
            while apply_batch(second, projection, ledger.account_id, size) != (ledger.position, ledger.position, False):
                pass
            apply_batch(projector, projection, ledger.account_id, 1_000)
        live_rows = rows(projector, "views", ledger.account_id)
        assert live_rows == rows(second, "second", ledger.account_id)
        assert any(live_rows.values())
