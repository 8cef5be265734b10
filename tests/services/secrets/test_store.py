"""The tables of sealed secrets, on a real PostgreSQL."""

import secrets
from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.foundation.identifiers import new_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.ledger.database import Database, connect
from services.secrets.envelope import Envelope, InvalidSeal, WrappedDataKey
from services.secrets.master_key import InvalidMasterKey, MasterKey, MasterKeys
from services.secrets.store import SecretStore

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
ALICE, BOB = "AIDAALICE", "AIDABOB"
OLD, NEW = MasterKey(bytes(32)), MasterKey(bytes([1]) * 32)
STORE = SecretStore(Envelope(MasterKeys(OLD)))


def key(access_key_id: str) -> SecretId:
    return SecretId(SecretKind.ACCESS_KEY, access_key_id)


@pytest.fixture
def cursor(database: Database) -> Iterator[Cursor[TupleRow]]:
    """The writer's, in autocommit."""
    with connect(database, "writer") as connection, connection.cursor() as cursor:
        yield cursor


def revealed(
    cursor: Cursor[TupleRow], access_key_id: str, account_id: str = ACCOUNT, store: SecretStore = STORE
) -> str:
    secret = store.get(cursor, account_id, key(access_key_id))
    assert secret is not None
    return secret.reveal()


def count(cursor: Cursor[TupleRow], query: LiteralString) -> int:
    row = cursor.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_put_and_get(cursor: Cursor[TupleRow]) -> None:
    """Each key gives its own secret back; one data key serves all keys of a principal; an unknown key gives None."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA2"), Secret("two"))
    STORE.put(cursor, ACCOUNT, BOB, key("AKIA3"), Secret("three"))
    assert [revealed(cursor, f"AKIA{n}") for n in (1, 2, 3)] == ["one", "two", "three"]
    assert count(cursor, "SELECT count(*) FROM secrets.data_keys") == 2
    assert STORE.get(cursor, ACCOUNT, key("AKIA4")) is None
    assert STORE.get(cursor, OTHER_ACCOUNT, key("AKIA1")) is None


def test_a_lost_master_key_is_noticed(cursor: Cursor[TupleRow]) -> None:
    """A key that was made anew is refused before it has sealed anything; the old one beside it suffices."""
    anew, rotated = SecretStore(Envelope(MasterKeys(NEW))), SecretStore(Envelope(MasterKeys(NEW, (OLD,))))
    anew.refuse_unknown_master_keys(cursor)
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    with pytest.raises(InvalidMasterKey, match=f"sealed under the master key {OLD.key_id}, .* {NEW.key_id}"):
        anew.refuse_unknown_master_keys(cursor)
    for store in (STORE, rotated):
        store.refuse_unknown_master_keys(cursor)


def test_accounts_are_apart(cursor: Cursor[TupleRow]) -> None:
    """The same ids in two accounts, as an import may bring them, are different rows under different keys."""
    password = SecretId(SecretKind.PASSWORD, "first")
    STORE.put(cursor, ACCOUNT, ALICE, password, Secret("one"))
    STORE.put(cursor, OTHER_ACCOUNT, ALICE, password, Secret("other"))
    STORE.erase(cursor, ACCOUNT, ALICE)
    assert STORE.get(cursor, ACCOUNT, password) is None
    kept = STORE.get(cursor, OTHER_ACCOUNT, password)
    assert kept is not None
    assert kept.reveal() == "other"


def test_an_access_key_is_of_one_account(cursor: Cursor[TupleRow]) -> None:
    """An id that does not tell whose it is, is looked up; nobody else can have it, not even when its secret is gone."""
    brought, own = "brought_from_elsewhere", new_access_key_id("AKIA", ACCOUNT, secrets.token_bytes)
    elsewhere = new_access_key_id("AKIA", OTHER_ACCOUNT, secrets.token_bytes)
    for access_key_id in (brought, own, elsewhere):
        STORE.put(cursor, ACCOUNT, ALICE, key(access_key_id), Secret("one"))
    assert {STORE.account_of_access_key(cursor, found) for found in (brought, own, elsewhere)} == {ACCOUNT}
    assert STORE.account_of_access_key(cursor, "unknown_to_everybody") is None
    STORE.delete(cursor, ACCOUNT, key(brought))
    with pytest.raises(psycopg.errors.UniqueViolation):
        STORE.put(cursor, OTHER_ACCOUNT, ALICE, key(brought), Secret("other"))


def test_nothing_readable_is_stored(cursor: Cursor[TupleRow]) -> None:
    """Neither table contains the secret in its own letters."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("wJalrXUtnFEMI"))
    rows = cursor.execute(
        "SELECT wrapped, sealed FROM secrets.data_keys JOIN secrets.access_key_secrets USING (account_id)"
    ).fetchall()
    assert rows
    assert all(b"wJalrXUtnFEMI" not in value for row in rows for value in row)


def test_secret_is_put_once(cursor: Cursor[TupleRow]) -> None:
    """A key's secret never changes: a second one for the same id is a defect and fails loudly."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("two"))
    assert revealed(cursor, "AKIA1") == "one"


def test_delete_takes_one_secret(cursor: Cursor[TupleRow]) -> None:
    """Deleting a key's secret leaves the principal's other key, and doing it twice changes nothing."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA2"), Secret("two"))
    for _ in range(2):
        STORE.delete(cursor, ACCOUNT, key("AKIA1"))
        assert STORE.get(cursor, ACCOUNT, key("AKIA1")) is None
        assert revealed(cursor, "AKIA2") == "two"


def test_erase_destroys_key_and_secrets(cursor: Cursor[TupleRow]) -> None:
    """The erased principal has no row left in either table, others keep theirs, and a later key gets a new data key."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    STORE.put(cursor, ACCOUNT, BOB, key("AKIA2"), Secret("two"))
    STORE.erase(cursor, ACCOUNT, ALICE)
    assert STORE.get(cursor, ACCOUNT, key("AKIA1")) is None
    assert (
        count(cursor, "SELECT count(*) FROM secrets.data_keys")
        == count(cursor, "SELECT count(*) FROM secrets.access_key_secrets")
        == 1
    )
    assert revealed(cursor, "AKIA2") == "two"
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA3"), Secret("three"))
    assert revealed(cursor, "AKIA3") == "three"


def test_secret_without_its_data_key_cannot_stand(cursor: Cursor[TupleRow]) -> None:
    """The database itself refuses a sealed secret whose data key was erased before it arrived."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        cursor.execute("INSERT INTO secrets.access_key_secrets VALUES (%s, 'AKIA1', %s, '')", (ACCOUNT, ALICE))


def test_caller_decides_about_the_transaction(database: Database) -> None:
    """What a round that fails has put is gone with the round."""
    with psycopg.connect(database.conninfo("writer")) as connection, connection.cursor() as cursor:
        STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
        connection.rollback()
        assert STORE.get(cursor, ACCOUNT, key("AKIA1")) is None
        assert count(cursor, "SELECT count(*) FROM secrets.data_keys") == 0


class Overtaken(Envelope):
    """An envelope during whose work another process gets a word in: the interleaving for which a race needs luck."""

    def __init__(self, master_keys: MasterKeys, meanwhile: Callable[[], None]) -> None:
        super().__init__(master_keys)
        self._meanwhile = meanwhile

    def new_data_key(self, account_id: str, principal_id: str) -> WrappedDataKey:
        self._meanwhile()
        return super().new_data_key(account_id, principal_id)

    def rewrap(self, data_key: WrappedDataKey) -> WrappedDataKey:
        self._meanwhile()
        return super().rewrap(data_key)


def test_two_first_keys_of_a_principal_share_the_data_key_that_stays(
    database: Database, cursor: Cursor[TupleRow]
) -> None:
    """Of two transactions that both find no data key the later seals under the earlier's: both secrets open."""

    def meanwhile() -> None:
        with psycopg.connect(database.conninfo("writer")) as connection, connection.cursor() as other:
            STORE.put(other, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))

    SecretStore(Overtaken(MasterKeys(OLD), meanwhile)).put(cursor, ACCOUNT, ALICE, key("AKIA2"), Secret("two"))
    assert [revealed(cursor, "AKIA1"), revealed(cursor, "AKIA2")] == ["one", "two"]


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE secrets.access_key_secrets a SET sealed = o.sealed FROM secrets.access_key_secrets o WHERE o <> a",
        "UPDATE secrets.data_keys a SET wrapped = b.wrapped FROM secrets.data_keys b WHERE a.wrapped <> b.wrapped",
        "UPDATE secrets.access_key_secrets SET principal_id = replace('AIDAALICEAIDABOB', principal_id, '')",
        "UPDATE secrets.access_key_secrets SET access_key_id = access_key_id || 'X'",
        "UPDATE secrets.access_key_secrets SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",
        "UPDATE secrets.data_keys SET wrapped = substring(wrapped FOR 10)",
        "UPDATE secrets.access_key_secrets SET sealed = ''",
    ],
)
def test_who_writes_the_tables_exchanges_nothing(
    database: Database, cursor: Cursor[TupleRow], swap: LiteralString
) -> None:
    """With every right on the database, boxes swapped between rows, rows relabelled and bytes altered do not open."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))
    STORE.put(cursor, ACCOUNT, BOB, key("AKIA2"), Secret("two"))
    with connect(database, "owner") as owner:
        owner.execute(swap)
    names = [name for (name,) in cursor.execute("SELECT access_key_id FROM secrets.access_key_secrets").fetchall()]
    assert names
    for name in names:
        with pytest.raises(InvalidSeal, match=ACCOUNT):
            STORE.get(cursor, ACCOUNT, key(name))


def test_master_key_rotation(cursor: Cursor[TupleRow]) -> None:
    """Rewrapped in pieces until none is left, after which the old master key is needed no more; before that it is."""
    for number, principal in enumerate((ALICE, BOB, "AIDACAROL")):
        STORE.put(cursor, ACCOUNT, principal, key(f"AKIA{number}"), Secret(f"secret {number}"))
    rotating, rotated = SecretStore(Envelope(MasterKeys(NEW, (OLD,)))), SecretStore(Envelope(MasterKeys(NEW)))
    assert revealed(cursor, "AKIA0", store=rotating) == "secret 0"
    with pytest.raises(InvalidSeal, match=f"wrapped by master key {OLD.key_id}"):
        rotated.get(cursor, ACCOUNT, key("AKIA0"))
    assert [rotating.rewrap(cursor, limit=2).found for _ in range(3)] == [2, 1, 0]
    assert [revealed(cursor, f"AKIA{n}", store=rotated) for n in range(3)] == [f"secret {n}" for n in range(3)]
    with pytest.raises(InvalidSeal, match=f"wrapped by master key {NEW.key_id}"):
        STORE.get(cursor, ACCOUNT, key("AKIA0"))


def test_what_nobody_can_open_is_named_and_the_others_are_rewrapped(
    database: Database, cursor: Cursor[TupleRow]
) -> None:
    """A rotation names each data key that was altered, or whose master key it lacks, leaves it, and goes on."""
    for number, principal in enumerate((ALICE, BOB, "AIDACAROL")):
        STORE.put(cursor, ACCOUNT, principal, key(f"AKIA{number}"), Secret(f"secret {number}"))
    lacking = SecretStore(Envelope(MasterKeys(NEW))).rewrap(cursor, limit=10)
    assert (lacking.found, lacking.last, len(lacking.unopened)) == (3, (ACCOUNT, "AIDACAROL"), 3)
    assert revealed(cursor, "AKIA1") == "secret 1"
    with connect(database, "owner") as owner:
        owner.execute("update secrets.data_keys set wrapped = '' where principal_id = %s", (ALICE,))
    rotating = SecretStore(Envelope(MasterKeys(NEW, (OLD,))))
    first = rotating.rewrap(cursor, limit=2)
    assert [f"principal {ALICE}" in str(broken) for broken in first.unopened] == [True]
    assert rotating.rewrap(cursor, 2, first.last) == (1, (ACCOUNT, "AIDACAROL"), ())
    assert rotating.rewrap(cursor, 2, (ACCOUNT, "AIDACAROL")).found == 0
    assert rotating.master_key_uses(cursor) == {OLD.key_id: 1, NEW.key_id: 2}
    assert rotating.count_foreign(cursor) == 1


class Rotating:
    """Keys that are others each time somebody asks."""

    def __init__(self, *keys: MasterKeys) -> None:
        self._keys = iter(keys)

    def latest(self) -> MasterKeys:
        return next(self._keys)


def test_a_rotation_that_ends_while_a_secret_is_opened(database: Database, cursor: Cursor[TupleRow]) -> None:
    """The row was read under the former key, which is gone by the time it is to open it: it is read again."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))

    class Ending(Rotating):
        def latest(self) -> MasterKeys:
            with connect(database, "writer") as connection, connection.cursor() as other:
                SecretStore(Envelope(MasterKeys(NEW, (OLD,)))).rewrap(other, limit=10)
            return super().latest()

    store = SecretStore(Envelope(Ending(MasterKeys(NEW), MasterKeys(NEW))))
    assert revealed(cursor, "AKIA1", store=store) == "one"


def test_the_canary(database: Database, cursor: Cursor[TupleRow]) -> None:
    """The first start seals it, each later one opens it, and rotations rewrap it. Under a key that only bears the right
    name it does not open."""
    STORE.open_canary(cursor)
    STORE.open_canary(cursor)
    assert STORE.master_key_uses(cursor) == {OLD.key_id: 1}
    with pytest.raises(InvalidMasterKey, match=f"sealed under the master key {OLD.key_id}"):
        SecretStore(Envelope(MasterKeys(NEW))).refuse_unknown_master_keys(cursor)
    with connect(database, "owner") as owner:
        owner.execute("update secrets.data_keys set master_key_id = %s", (NEW.key_id,))
    renamed = SecretStore(Envelope(MasterKeys(NEW)))
    renamed.refuse_unknown_master_keys(cursor)
    with pytest.raises(InvalidMasterKey, match="not the one of this database"):
        renamed.open_canary(cursor)


def test_rewrap_does_not_bring_an_erased_data_key_back(database: Database, cursor: Cursor[TupleRow]) -> None:
    """A principal erased and given a new key between rewrap's reading and writing keeps the new data key."""
    STORE.put(cursor, ACCOUNT, ALICE, key("AKIA1"), Secret("one"))

    def meanwhile() -> None:
        with psycopg.connect(database.conninfo("writer")) as connection, connection.cursor() as other:
            STORE.erase(other, ACCOUNT, ALICE)
            STORE.put(other, ACCOUNT, ALICE, key("AKIA2"), Secret("two"))

    assert SecretStore(Overtaken(MasterKeys(NEW, (OLD,)), meanwhile)).rewrap(cursor, limit=10).found == 1
    assert STORE.get(cursor, ACCOUNT, key("AKIA1")) is None
    assert revealed(cursor, "AKIA2") == "two"
