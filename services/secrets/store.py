"""Where sealed secrets lie: tables beside the ledger, written in the round that issues or deletes what they are of."""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id
from domain.foundation.secret import Secret, SecretId, SecretKind
from projections.engine.sql_files import load_statements
from services.secrets.envelope import Envelope, InvalidSeal, MissingMasterKey, WrappedDataKey
from services.secrets.master_key import InvalidMasterKey

SQL = load_statements("services.secrets", "store.sql")


class RewrappedBatch(NamedTuple):
    found: int
    """Data keys that were under another master key than the current one; 0 at the end."""
    last: tuple[str, str]
    """Account and principal, to go on behind."""
    unopened: tuple[InvalidSeal, ...]
    """One of each that stays as it was, because nobody can open it."""


class SecretStore:
    """Secrets of access keys, hashes of passwords and seeds of MFA devices, on the cursor and in the transaction of the
    caller. Raises InvalidSeal."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    @property
    def master_key_id(self) -> str:
        """Of the one that wraps."""
        return self._envelope.master_key_id

    def refuse_unknown_master_keys(self, cursor: Cursor[TupleRow]) -> None:
        """Raises InvalidMasterKey when something here was sealed under a master key that was not provided. Better at
        the start than at the first call of each credential: most likely the key's file was lost, and made anew."""
        if missing := sorted(self.master_key_uses(cursor).keys() - self._envelope.master_key_ids):
            raise InvalidMasterKey(
                f"The secrets in this database are sealed under the master key {', '.join(missing)}, the one provided "
                f"is {self._envelope.master_key_id}: provide the right one, or it as MUNIMENT_MASTER_KEY_PREVIOUS."
            )

    def open_canary(self, cursor: Cursor[TupleRow]) -> None:
        """Opens the installation's data key, which seals nothing: it is there to be opened at each start. The first one
        makes it. Raises InvalidMasterKey."""
        try:
            self._envelope.rewrap(self._data_key(cursor, INSTALLATION, INSTALLATION))
        except InvalidSeal as error:
            raise InvalidMasterKey(f"The master key provided is not the one of this database: {error}") from error

    def master_key_uses(self, cursor: Cursor[TupleRow]) -> Mapping[str, int]:
        """How many data keys are wrapped by each master key, by its id."""
        return dict(cursor.execute(SQL["master_keys"]).fetchall())

    def count_foreign(self, cursor: Cursor[TupleRow]) -> int:
        """How many data keys are wrapped by another master key than the current one."""
        uses = self.master_key_uses(cursor)
        return sum(uses.values()) - uses.get(self._envelope.master_key_id, 0)

    def put(
        self, cursor: Cursor[TupleRow], account_id: str, principal_id: str, secret_id: SecretId, secret: Secret
    ) -> None:
        """Seals the secret, under a new data key when the principal has none. An id is put once, never replaced."""
        kind, name = secret_id
        data_key = self._data_key(cursor, account_id, principal_id)
        sealed = self._envelope.seal(data_key, secret, purpose=kind.value, name=name)
        row = {"account_id": account_id, "name": name, "principal_id": principal_id, "sealed": sealed}
        cursor.execute(SQL[f"put_{kind.value}"], row)
        if kind is SecretKind.ACCESS_KEY and account_of_access_key_id(name) != account_id:
            cursor.execute(SQL["put_account_of_key"], {"access_key_id": name, "account_id": account_id})

    def account_of_access_key(self, cursor: Cursor[TupleRow], access_key_id: str) -> str | None:
        """Whose key that is: the account that has claimed its id, or else the one that the id carries, if any."""
        claimed = cursor.execute(SQL["account_of_key"], {"access_key_id": access_key_id}).fetchone()
        return account_of_access_key_id(access_key_id) if claimed is None else claimed[0]

    def get(self, cursor: Cursor[TupleRow], account_id: str, secret_id: SecretId) -> Secret | None:
        found = self.get_with_owner(cursor, account_id, secret_id)
        return None if found is None else found[1]

    def get_with_owner(
        self, cursor: Cursor[TupleRow], account_id: str, secret_id: SecretId
    ) -> tuple[str, Secret] | None:
        """With the unique id of whose it is."""
        try:
            return self._get(cursor, account_id, secret_id)
        except MissingMasterKey:
            # A rotation may have rewrapped it since it was read, and ended with the former key.
            return self._get(cursor, account_id, secret_id)

    def _get(self, cursor: Cursor[TupleRow], account_id: str, secret_id: SecretId) -> tuple[str, Secret] | None:
        kind, name = secret_id
        row = cursor.execute(SQL[f"get_{kind.value}"], {"account_id": account_id, "name": name}).fetchone()
        if row is None:
            return None
        *columns, sealed = row
        data_key = WrappedDataKey(*columns)
        return data_key.principal_id, self._envelope.open(data_key, sealed, purpose=kind.value, name=name)

    def probe(self, cursor: Cursor[TupleRow], kind: SecretKind, after: tuple[str, str], limit: int) -> tuple[str, str]:
        """Opens so many secrets behind the one of this account and name, in that order, and gives the last of them, or
        the empty names when that was the end: from there it begins again."""
        rows = cursor.execute(
            SQL[f"probe_{kind.value}"], {"account_id": after[0], "name": after[1], "limit": limit}
        ).fetchall()
        for name, *data_key, sealed in rows:
            self._envelope.open(WrappedDataKey(*data_key), sealed, purpose=kind.value, name=name)
        return (rows[-1][1], rows[-1][0]) if len(rows) == limit else ("", "")

    def probe_accounts_of_keys(self, cursor: Cursor[TupleRow], after: str, limit: int) -> str:
        """Like `probe`, of what tells whose key a foreign access key id is."""
        rows = cursor.execute(SQL["probe_accounts_of_keys"], {"name": after, "limit": limit}).fetchall()
        return rows[-1][0] if len(rows) == limit else ""

    def delete(self, cursor: Cursor[TupleRow], account_id: str, secret_id: SecretId) -> None:
        kind, name = secret_id
        cursor.execute(SQL[f"delete_{kind.value}"], {"account_id": account_id, "name": name})

    def erase(self, cursor: Cursor[TupleRow], account_id: str, principal_id: str) -> None:
        """Destroys the principal's data key, and by the foreign key's cascade everything that was sealed under it.

        Backups and the write-ahead log keep both for as long as they are kept themselves.
        """
        cursor.execute(SQL["erase"], {"account_id": account_id, "principal_id": principal_id})

    def rewrap(self, cursor: Cursor[TupleRow], limit: int, after: tuple[str, str] = ("", "")) -> RewrappedBatch:
        """Brings the next data keys behind that account and principal, at most `limit`, under the current master key.

        A data key that another process rewrapped or erased meanwhile is left as that process left it. One that nobody
        can open, and that seals nothing, is erased.
        """
        account_id, principal_id = after
        place = {"account_id": account_id, "principal_id": principal_id, "limit": limit}
        found = cursor.execute(
            SQL["data_keys_to_rewrap"], {**place, "master_key_id": self._envelope.master_key_id}
        ).fetchall()
        unopened = []
        # Found in the order of the primary key, so that two processes that rewrap cannot wait for each other.
        for row in found:
            old = WrappedDataKey(*row)
            after = (old.account_id, old.principal_id)
            try:
                new = self._envelope.rewrap(old)
            except InvalidSeal as error:
                is_lost = not isinstance(error, MissingMasterKey)
                if not is_lost or cursor.execute(SQL["erase_unused"], vars(old)).rowcount == 0:
                    unopened.append(error)
            else:
                cursor.execute(SQL["rewrap"], {**vars(new), "replaced": old.wrapped})
        return RewrappedBatch(len(found), after, tuple(unopened))

    def await_earlier_transactions(self, cursor: Cursor[TupleRow]) -> None:
        """When the caller's transaction has been through this, all that have looked at a data key before are over: what
        they have sealed is there to be seen. Those that come later wait for it. Raises
        psycopg.errors.LockNotAvailable."""
        cursor.execute(SQL["lock_data_keys"])

    def _data_key(self, cursor: Cursor[TupleRow], account_id: str, principal_id: str) -> WrappedDataKey:
        named = {"account_id": account_id, "principal_id": principal_id}
        row = cursor.execute(SQL["data_key"], named).fetchone()
        if row is None:
            # Read back, not returned: of two who get here at the same time, both must seal under the key that stays.
            cursor.execute(SQL["put_data_key"], vars(self._envelope.new_data_key(account_id, principal_id)))
            row = cursor.execute(SQL["data_key"], named).fetchone()
        assert row is not None
        return WrappedDataKey(*row)
