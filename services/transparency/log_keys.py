"""The keys of the log: made once, sealed under the master key, named in the installation's ledger."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.note_keys import SEED_BYTES, KeyKind, SigningKey, sign_note
from domain.foundation.secret import Secret

KINDS = (KeyKind.ED25519, KeyKind.ML_DSA_44)


class LogKeys:
    """The private keys of a log, under its name and those of the accounts' logs."""

    def __init__(self, origin: str, secret: Secret, clock: Callable[[], datetime]) -> None:
        """Of the secret that `new_secret` has made."""
        seeds = b64decode(secret.reveal())
        self._seeds = [seeds[at : at + SEED_BYTES] for at in range(0, len(seeds), SEED_BYTES)]
        self._clock = clock
        self.origin = origin
        self._keys = self.named(origin)

    @staticmethod
    def new_secret() -> Secret:
        return Secret(b64encode(secrets.token_bytes(len(KINDS) * SEED_BYTES)).decode())

    def named(self, origin: str) -> list[SigningKey]:
        """The keys under the name of that log."""
        return [SigningKey(origin, kind, seed) for kind, seed in zip(KINDS, self._seeds, strict=True)]

    @property
    def verifier_keys(self) -> tuple[str, ...]:
        return tuple(str(key.verifier) for key in self._keys)

    def sign(self, checkpoint: LogCheckpoint) -> str:
        """As a signed note, under the checkpoint's own origin."""
        keys = self._keys if checkpoint.origin == self.origin else self.named(checkpoint.origin)
        return str(sign_note(checkpoint.body, keys, int(self._clock().timestamp())))
