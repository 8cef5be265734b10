"""Proofs as text: they prove the entry, in the log of that name, by a checkpoint of a known key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.log_proofs import LogProof, parse_proof
from domain.evidence.merkle import InvalidProof, inclusion_proof
from domain.evidence.note_keys import KeyKind, SigningKey, sign_note
from domain.evidence.signed_notes import InvalidNote
from tests.domain.evidence.test_merkle import ENTRIES, ROOTS, complete, sizes

KEY = SigningKey("log", KeyKind.ED25519, bytes(32))
KEYS = [KEY.verifier]


def proof_of(index: int, size: int) -> LogProof:
    note = sign_note(LogCheckpoint("log", size, ROOTS[size]).body, [KEY], 0)
    return LogProof(index, tuple(inclusion_proof(index, size, complete(size))), note)


@given(sizes, st.data())
def test_proofs(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = proof_of(index, size)
    assert parse_proof(str(proof).encode()) == proof
    assert proof.verify(ENTRIES[index], KEYS, "log") == LogCheckpoint("log", size, ROOTS[size])
    with pytest.raises(InvalidProof):
        proof.verify(ENTRIES[index] + b"!", KEYS, "log")
    with pytest.raises(InvalidNote, match="of the log log; expected other"):
        proof.verify(ENTRIES[index], KEYS, "other")
    with pytest.raises(InvalidNote, match="of a known key"):
        proof.verify(ENTRIES[index], [SigningKey("log", KeyKind.ED25519, bytes([1]) * 32).verifier], "log")
    content = bytearray(str(proof).encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((InvalidNote, InvalidProof)):
        parse_proof(bytes(content)).verify(ENTRIES[index], KEYS, "log")


def test_the_form() -> None:
    """Of the specification, with what is under `extra` passed over."""
    text = str(proof_of(2, 3))
    head, _, note = text.partition("\n\n")
    assert head.split("\n")[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert note.startswith("log\n3\n")
    assert parse_proof(text.replace("\nindex", "\nextra AAAA\nindex").encode()) == proof_of(2, 3)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("@v1", "@v2"),
        ("index 2", "index 02"),
        ("index 2", "Index 2"),
        ("index 2\n", ""),
        ("index 2", "index 2\nAAA"),
        ("index 2", "index 2" + "\nAAAA" * 64),
        ("\n\n", "\n"),
    ],
)
def test_no_proofs(was: str, becomes: str) -> None:
    with pytest.raises(InvalidNote):
        parse_proof(str(proof_of(2, 3)).replace(was, becomes, 1).encode())
