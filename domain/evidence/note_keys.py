"""Keys that sign notes: logs by Ed25519 (C2SP signed-note), logs and witnesses by cosignatures, of Ed25519 and of
ML-DSA-44 (C2SP tlog-cosignature)."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.signed_notes import KEY_ID_BYTES, InvalidNote, NoteSignature, SignedNote, decode_base64

SEED_BYTES = 32
"""Of a private key of either kind (RFC 8032, section 5.1.5; FIPS 204, algorithm 1)."""
TIME_BYTES = 8
TIME_MAX = 2**63 - 1
NAME_BYTES_MAX = 255
_VERIFIER_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


class KeyKind(IntEnum):
    """The byte that a verifier key has before the public one."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44 = 0x06


_PUBLIC_BYTES: Mapping[KeyKind, int] = {KeyKind.ED25519: 32, KeyKind.ED25519_COSIGNATURE: 32, KeyKind.ML_DSA_44: 1312}


@dataclass(frozen=True, slots=True)
class VerifierKey:
    name: str
    kind: KeyKind
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises InvalidNote."""
        found = _VERIFIER_KEY.fullmatch(text)
        if found is None:
            raise InvalidNote(f"A verifier key is NAME+ID+BASE64; got {text[:100]!r}.")
        content = decode_base64(found[3])
        if content[0] not in {*KeyKind}:
            kinds = ", ".join(f"{kind:#04x} ({kind.name})" for kind in KeyKind)
            raise InvalidNote(f"The verifier key {text[:100]} is of the type {content[0]:#04x}; known are {kinds}.")
        key = cls(found[1], KeyKind(content[0]), content[1:])
        if len(key.public) != _PUBLIC_BYTES[key.kind] or key.key_id.hex() != found[2]:
            raise InvalidNote(f"The verifier key {text[:100]} does not have the id of its name and public key.")
        return key

    def __str__(self) -> str:
        encoded = b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:KEY_ID_BYTES]

    def verify(self, text: str, signature: bytes) -> int | None:
        """The time that the signature states, in seconds since 1970; None of a kind without one. Raises
        InvalidNote."""
        at: int | None = None
        if self.kind is not KeyKind.ED25519:
            at, signature = int.from_bytes(signature[:TIME_BYTES], "big"), signature[TIME_BYTES:]
            if at > TIME_MAX:
                raise InvalidNote(f"A signature of {self.name} states a time that is none.")
        message = _message(self, text, at or 0)
        try:
            if self.kind is KeyKind.ML_DSA_44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise InvalidNote(f"The signature of {self.name} is not one of this text.") from error
        return at


class SigningKey:
    """A private key under a name. It prints as its public one."""

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, kind: KeyKind, seed: bytes) -> None:
        self._private: Ed25519PrivateKey | MLDSA44PrivateKey = (
            MLDSA44PrivateKey.from_seed_bytes(seed)
            if kind is KeyKind.ML_DSA_44
            else Ed25519PrivateKey.from_private_bytes(seed)
        )
        self.verifier = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, at: int) -> NoteSignature:
        """At that time, in seconds since 1970. Raises InvalidNote for what such a key cannot sign."""
        key = self.verifier
        signature = self._private.sign(_message(key, text, at))
        stated = b"" if key.kind is KeyKind.ED25519 else at.to_bytes(TIME_BYTES, "big")
        return NoteSignature(key.name, key.key_id, stated + signature)

    def __repr__(self) -> str:
        return f"SigningKey({self.verifier.name}, •••)"


def sign_note(text: str, keys: Iterable[SigningKey], at: int) -> SignedNote:
    return SignedNote(text, tuple(key.sign(text, at) for key in keys))


def verify_note(note: SignedNote, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int | None]:
    """Which of these keys have signed it, with the times that their signatures state. Unknown signatures are passed
    over. Raises InvalidNote for one of a known key that does not fit, and where none is of a known key."""
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, int | None] = {}
    for each in note.signatures:
        key = known.get((each.name, each.key_id))
        if key is not None:
            verified[key] = key.verify(note.text, each.signature)
    if not verified:
        names = ", ".join(sorted({key.name for key in known.values()}))
        raise InvalidNote(f"None of the signatures is of a known key; known are those of {names or 'nobody'}.")
    return verified


def _message(key: VerifierKey, text: str, at: int) -> bytes:
    """What is signed."""
    if key.kind is KeyKind.ED25519:
        return text.encode()
    if key.kind is KeyKind.ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    checkpoint = parse_checkpoint(text)
    return b"".join(
        (
            b"subtree/v1\n\0",
            _short(key.name),
            at.to_bytes(8, "big"),
            _short(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short(text: str) -> bytes:
    """Behind its length in a byte (RFC 8446, section 3.4)."""
    content = text.encode()
    if not 1 <= len(content) <= NAME_BYTES_MAX:
        raise InvalidNote(f"A name has 1 to {NAME_BYTES_MAX} bytes; got {len(content)}.")
    return bytes([len(content)]) + content
