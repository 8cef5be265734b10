"""A whole installation of one account, with a secret and a snapshot, for tests that break it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import psycopg
from psycopg import sql

from domain.account import Account, AccountCreated
from domain.calls import ApiCalled
from domain.families.access_keys import AccessKeyCreated
from domain.families.groups import GroupCreated
from domain.families.passwords import LoginProfileCreated
from domain.families.users import UserCreated
from domain.foundation.events import Change, Entry, Event
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretKind
from domain.installation import AccountOpened, InstallationFounded
from services.ledger.discrepancy import Discrepancy
from services.ledger.expected_secrets import expected_secrets
from services.ledger.long_texts import put_texts
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import SQL, LedgerRecorder
from services.ledger.snapshots import take_snapshot
from services.ledger.verification import VerificationResult
from tests.services.ledger.heads import move_head
from tests.services.ledger.rounds import ACCOUNT, BEGAN_AT, USE_TOPICS, cause

LEDGER_ID = "1f"
CALLED = ApiCalled(read_only=True, parameters={})
HISTORY: Sequence[Event] = (
    AccountCreated(ledger_id=LEDGER_ID, kind="live", partition="aws", schema_version=1),
    UserCreated(user_id="AIDAANN", user_name="ann", path="/"),
    AccessKeyCreated(access_key_id="AKIAANN", user_id="AIDAANN", user_name="ann"),
    CALLED,
    GroupCreated(group_id="AGPAOPS", group_name="ops", path="/"),
    CALLED,
    LoginProfileCreated(user_id="AIDAANN", user_name="ann", password_id="AIPWANN", reset_required=False),
)
MAPPER = EntryMapper()


def entry(account_id: str, position: int, event: Event) -> Entry:
    at = BEGAN_AT + timedelta(seconds=position)
    return Entry(account_id, position, f"{position:08x}-0000-4000-8000-000000000000", at, cause(), event)


def write(connection: psycopg.Connection, entries: Sequence[Entry]) -> None:
    """As rounds do, each event in one of its own."""
    recorder = LedgerRecorder(lambda: connection, USE_TOPICS)
    last = entries[-1]
    last_change = max([written.position for written in entries if isinstance(written.event, Change)], default=1)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(SQL["found"], {"accounts": [last.account_id]})
        for written in entries:
            recorder.insert_events([MAPPER.to_stored_event(written)], cursor=cursor, at=written.at)
            put_texts(cursor, written.account_id, _texts_of(written.event))
        move_head(cursor, last.account_id, last.position, last_change, last.at)


def _texts_of(event: Event) -> list[str]:
    """Where a random history names one, it is its event's fingerprint or issuer (tests.credential_steps)."""
    named = event.long_text_digests() if isinstance(event, Change) else []
    return [text for text in (getattr(event, name, None) for name in ("fingerprint", "issuer")) if named and text]


def write_installation(connection: psycopg.Connection, ledger_id: str, *claims: Event) -> None:
    events = (
        InstallationFounded(ledger_id="0f", schema_version=1),
        AccountOpened(opened_account_id=ACCOUNT, ledger_id=ledger_id),
        *claims,
    )
    write(connection, [entry(INSTALLATION, position, event) for position, event in enumerate(events, 1)])


TABLES = {
    SecretKind.ACCESS_KEY: "access_key_secrets",
    SecretKind.PASSWORD: "password_hashes",
    SecretKind.SERVICE_PASSWORD: "service_passwords",
    SecretKind.SERVER_KEY: "server_certificate_keys",
    SecretKind.MFA_SEED: "mfa_seeds",
    SecretKind.SAML_PRIVATE_KEY: "saml_private_keys",
    SecretKind.WEBHOOK_SECRET: "webhook_secrets",
    SecretKind.SIGNING_KEY: "signing_keys",
    SecretKind.TRAIL_KEY: "trail_signing_keys",
}


def write_secrets(connection: psycopg.Connection, account: Account) -> None:
    for secret_id, principal_id in expected_secrets(account).items():
        data_key = "insert into secrets.data_keys values (%s, %s, 'm', '') on conflict do nothing"
        connection.execute(data_key, (account.id, principal_id))
        table = sql.Identifier("secrets", TABLES[secret_id.kind])
        insert = sql.SQL("insert into {} values (%s, %s, %s, '')").format(table)
        connection.execute(insert, (account.id, secret_id.name, principal_id))


def write_snapshot(connection: psycopg.Connection, value: Account) -> None:
    stored = take_snapshot(value)
    connection.execute(
        SQL["insert_snapshot"],
        {
            "account_id": stored.originator_id,
            "position": stored.originator_version,
            "topic": stored.topic,
            "state": stored.state,
        },
    )


def finding(verdicts: Iterable[VerificationResult], account_id: str = ACCOUNT) -> Discrepancy | None:
    """That of the account, after the others were found to be whole."""
    found = {verdict.account_id: verdict for verdict in verdicts}
    assert [verdict for verdict in found.values() if verdict.finding and verdict.account_id != account_id] == []
    return found[account_id].finding
