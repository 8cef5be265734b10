"""The file of master keys while it is replaced under a running server."""

import base64
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.families.sessions import SessionClaims
from domain.foundation.errors import InvalidClientTokenId
from domain.foundation.events import Principal
from domain.foundation.identifiers import SESSION_KEY, new_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.ledger.database import Database
from services.ledger_runtime import LedgerRuntime
from services.secrets.envelope import Envelope
from services.secrets.master_key import (
    FORMER_KEYS_MAX,
    InvalidMasterKey,
    MasterKey,
    MasterKeys,
    change,
    load,
    load_or_create,
)
from services.secrets.master_key_file import MasterKeyFile, provided_master_keys
from services.secrets.session_credentials import SessionCredentials
from services.secrets.session_tokens import SessionTokens
from services.secrets.store import SecretStore

ACCOUNT, AT = "123456789012", datetime(2026, 11, 30, tzinfo=UTC)
END = datetime(2026, 12, 2, tzinfo=UTC)
KEYS = [MasterKey(bytes([number]) * 32) for number in range(FORMER_KEYS_MAX + 2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    load_or_create(path)
    return path


def ids(keys: MasterKeys) -> list[str]:
    return [key.key_id for key in keys.all]


def test_three_rotations_in_a_row(path: Path) -> None:
    """Each is there as a whole, for its owner alone, with the former keys and their ends; the server sees each. A file
    of one key alone is the key's bytes, as ever."""
    server, first = MasterKeyFile(path), load(path).current.key_id
    for number in (1, 2, 3):
        change(path, lambda keys, new=KEYS[number]: keys.rotated(new))  # type: ignore[misc]
        assert server.latest().rotating_from == (server.latest().previous[0].key_id,)
        change(path, lambda keys: keys.finished(END))
    former = [KEYS[2].key_id, KEYS[1].key_id, first]
    assert ids(server.latest()) == ids(load(path)) == [KEYS[3].key_id, *former]
    assert server.latest().ends == dict.fromkeys(former, END)
    assert server.latest() is server.latest()
    assert (stat.S_IMODE(path.stat().st_mode), list(path.parent.iterdir())) == (0o400, [path])
    assert server.latest().ended(END - timedelta(seconds=1)) == frozenset()
    change(path, lambda keys: keys.without(keys.ended(END)))
    assert path.read_bytes() == bytes([3]) * 32
    assert ids(server.latest()) == [KEYS[3].key_id]


def test_former_keys_have_a_bound(path: Path) -> None:
    """One more is refused, and the file stays as it is."""
    for new in KEYS[:FORMER_KEYS_MAX]:
        change(path, lambda keys, new=new: keys.rotated(new))  # type: ignore[misc]
    before = path.read_bytes()
    with pytest.raises(InvalidMasterKey, match=f"at most {FORMER_KEYS_MAX} can be kept"):
        change(path, lambda keys: keys.rotated(KEYS[-1]))
    assert path.read_bytes() == before
    path.chmod(0o600)
    path.write_bytes(before + bytes(40))
    with pytest.raises(InvalidMasterKey, match="bytes long"):
        load(path)


@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_change_that_fails_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int) -> None:
    """On a disk that fails the file has either the keys of before or those of after, and nothing lies beside it."""
    calls, sync, before = iter(range(1, 9)), os.fsync, ids(load(path))

    def fail(descriptor: int) -> None:
        if next(calls) == failing_call:
            raise OSError(5, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InvalidMasterKey, match=r"cannot be (replaced|made durable) \(Input/output error\)"):
        change(path, lambda keys: keys.rotated(KEYS[1]))
    assert ids(load(path)) == (before if failing_call == 1 else [KEYS[1].key_id, *before])
    assert list(path.parent.iterdir()) == [path]


def test_a_new_key_is_durable_before_it_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever uses it first: the one who rotates may have come no farther than to give the file its name."""
    server, synced, sync = MasterKeyFile(path), list[int](), os.fsync
    change(path, lambda keys: keys.rotated(KEYS[1]))

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    assert ids(server.latest())[0] == KEYS[1].key_id
    assert synced == [path.parent.stat().st_ino]


def test_a_file_that_is_lost_or_spoilt_takes_no_server_away(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It goes on with the keys that it has, says so once, and takes the next file that is one."""
    server, known = MasterKeyFile(path), ids(load(path))
    path.unlink()
    assert [ids(server.latest()) for _ in range(3)] == [known] * 3
    path.write_bytes(b"short")
    path.chmod(0o400)
    assert ids(server.latest()) == known
    assert len([record for record in caplog.records if "stay as they were" in record.getMessage()]) == 2
    path.unlink()
    load_or_create(path)
    assert ids(server.latest()) == ids(load(path)) != known


def test_the_environment_stands_beside_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several former keys, with commas; one that the file has got meanwhile is the file's."""
    texts = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
    monkeypatch.setenv("MUNIMENT_MASTER_KEY_PREVIOUS", ",".join(texts))
    keys, current = provided_master_keys(path), load(path).current.key_id
    assert ids(keys.latest()) == [current, KEYS[1].key_id, KEYS[2].key_id]
    change(path, lambda found: found.rotated(KEYS[1]))
    assert ids(keys.latest()) == [KEYS[1].key_id, current, KEYS[2].key_id]
    monkeypatch.setenv("MUNIMENT_MASTER_KEY_PREVIOUS", f"{texts[0]},")
    with pytest.raises(InvalidMasterKey, match="MUNIMENT_MASTER_KEY_PREVIOUS must be the base64"):
        provided_master_keys(path)


def issued(credentials: SessionCredentials) -> tuple[str, str]:
    """A new session's token and access key id."""
    key_id = new_access_key_id(SESSION_KEY, ACCOUNT, os.urandom)
    principal = Principal(type="Root", principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", account_id=ACCOUNT)
    session = SessionClaims(
        session_id="SESN1",
        access_key_id=key_id,
        principal=principal,
        entity_id=ACCOUNT,
        issued_at=AT,
        expires_at=AT + timedelta(hours=36),
        minted_by_access_key_id="AKIA1",
    )
    return credentials.seal(session, Secret("secret")), key_id


def test_sessions_over_a_rotation(path: Path) -> None:
    """A token that was opened before is opened still, as long as the former key is there, and not a moment longer."""
    credentials = SessionCredentials(SessionTokens(MasterKeyFile(path)))
    token, key_id = issued(credentials)
    credentials.open(token, access_key_id=key_id, at=AT)
    change(path, lambda keys: keys.rotated(KEYS[1]).finished(AT + timedelta(hours=48)))
    credentials.open(token, access_key_id=key_id, at=AT)
    newer, newer_id = issued(credentials)
    change(path, lambda keys: keys.without(key.key_id for key in keys.previous))
    with pytest.raises(InvalidClientTokenId):
        credentials.open(token, access_key_id=key_id, at=AT)
    credentials.open(newer, access_key_id=newer_id, at=AT)


def test_former_keys_go_when_their_time_is_over(database: Database, path: Path) -> None:
    """Out of the file and the process, by the server itself; not one under which something lies sealed all the same."""
    first = load(path).current
    change(path, lambda keys: keys.rotated(KEYS[1]).rotated(KEYS[2]).finished(END))
    now = [END - timedelta(seconds=1)]
    ledger = LedgerRuntime(database, MasterKeyFile(path), clock=lambda: now[0])
    with ledger.writers:
        with ledger.writers.connection() as connection, connection.cursor() as cursor:
            straggler = SecretStore(Envelope(MasterKeys(first)))
            straggler.put(cursor, ACCOUNT, "AIDA1", SecretId(SecretKind.ACCESS_KEY, "AKIA1"), Secret("one"))
        ledger.forget_master_keys()
        assert ids(load(path)) == [KEYS[2].key_id, KEYS[1].key_id, first.key_id]
        now[0] = END
        ledger.forget_master_keys()
        assert ids(load(path)) == [KEYS[2].key_id, first.key_id]
