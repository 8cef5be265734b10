"""Hashes of passwords: argon2id (RFC 9106). Slow by intent, and so never made in a round."""

from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from domain.families.passwords import PasswordFacts, PasswordQuery
from domain.foundation.secret import Secret


class PasswordHashes:
    """An encoded hash carries its parameters and its salt: one that was made with others than these is still read."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        # RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes; OWASP asks for less.
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

    def found(self, wanted: PasswordQuery, hash_of: Callable[[str], Secret | None]) -> PasswordFacts:
        """`hash_of` gives the hash of the password with an id, or None when it is not kept any more."""
        proved: dict[str, bool] = {}
        if wanted.proving is not None and wanted.current is not None:
            proved = self._compared(wanted.proving, [wanted.current], hash_of)
            if not all(proved.values()):
                return PasswordFacts(None, {}, proved)
        reused = self._compared(wanted.chosen, sorted(wanted.reused), hash_of)
        return PasswordFacts(Secret(self._hasher.hash(wanted.chosen.reveal())), reused, proved)

    def _compared(
        self, password: Secret, password_ids: list[str], hash_of: Callable[[str], Secret | None]
    ) -> dict[str, bool]:
        hashes = ((password_id, hash_of(password_id)) for password_id in password_ids)
        return {password_id: self._is_of(kept, password) for password_id, kept in hashes if kept is not None}

    def _is_of(self, kept: Secret, password: Secret) -> bool:
        """Raises InvalidHashError for what is no hash: the store is damaged."""
        try:
            return self._hasher.verify(kept.reveal(), password.reveal())
        except VerifyMismatchError:
            return False
