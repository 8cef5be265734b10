"""Proofs that an entry is in a log, as text (C2SP tlog-proof)."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint, parse_decimal
from domain.evidence.merkle import PROOF_HASHES_MAX, hash_leaf, verify_inclusion
from domain.evidence.note_keys import VerifierKey, verify_note
from domain.evidence.signed_notes import InvalidNote, SignedNote, decode_base64, parse_note

HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA, _INDEX = "extra ", "index "


@dataclass(frozen=True, slots=True)
class LogProof:
    index: int
    """Of the entry in the log."""
    hashes: tuple[bytes, ...]
    note: SignedNote
    """The checkpoint of the log."""

    def __str__(self) -> str:
        lines = (HEADER, f"{_INDEX}{self.index}", *(b64encode(each).decode() for each in self.hashes))
        return "".join(f"{line}\n" for line in lines) + f"\n{self.note}"

    def verify(self, entry: bytes, keys: Iterable[VerifierKey], origin: str) -> LogCheckpoint:
        """That the entry is in the log of that origin, by a checkpoint that one of the keys has signed. Raises
        InvalidNote and InvalidProof."""
        verify_note(self.note, keys)
        checkpoint = parse_checkpoint(self.note.text)
        if checkpoint.origin != origin:
            raise InvalidNote(f"The checkpoint is of the log {checkpoint.origin}; expected {origin}.")
        verify_inclusion(hash_leaf(entry), self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def parse_proof(content: bytes) -> LogProof:
    """What is under `extra` is nobody's word, and is passed over. Raises InvalidNote."""
    head, separator, note = content.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if not separator or lines[0] != HEADER:
        raise InvalidNote(f"A proof begins with {HEADER}, and its checkpoint follows an empty line.")
    rest = lines[2:] if len(lines) > 1 and lines[1].startswith(_EXTRA) else lines[1:]
    if not rest or not rest[0].startswith(_INDEX) or len(rest) - 1 > PROOF_HASHES_MAX:
        raise InvalidNote(f"A proof has a line with the index, and at most {PROOF_HASHES_MAX} with hashes.")
    index = parse_decimal(rest[0].removeprefix(_INDEX), "index of a proof")
    return LogProof(index, tuple(map(decode_base64, rest[1:])), parse_note(note))
