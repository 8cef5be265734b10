"""Notes, keys and checkpoints: what is written is read back, and nothing else passes for signed."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.merkle import EMPTY_ROOT
from domain.evidence.note_keys import KeyKind, SigningKey, VerifierKey, sign_note, verify_note
from domain.evidence.signed_notes import InvalidNote, NoteSignature, SignedNote, parse_note

NAME, AT = "example.com/log", 1_800_000_000
KEYS = {kind: SigningKey(NAME, kind, bytes([kind]) * 32) for kind in KeyKind}
BODY = LogCheckpoint(NAME, 20852163, EMPTY_ROOT).body
SIGNED = sign_note(BODY, KEYS.values(), AT)
ROOT = b64encode(EMPTY_ROOT).decode()


def test_the_bytes_of_a_signed_checkpoint() -> None:
    """Pinned: Ed25519 signs alike each time (RFC 8032)."""
    note = sign_note(BODY, [KEYS[KeyKind.ED25519], KEYS[KeyKind.ED25519_COSIGNATURE]], AT)
    assert str(note) == (
        "example.com/log\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"
        "— example.com/log m+XTxn2Mn5YqgBXnP2nPPDQHRFwXyUqW6Yy7txMvAGknpx3VBH0ZxNX1bNxAwSgq+"
        "rvhASZQQSdXlTkeFBonGTwBtQ0=\n"
        "— example.com/log X5GORAAAAABrSdIAwMEvZqBiGllve+yhA1gS4ZtSmurIuhH8uK1z7wluwF9gyyCst"
        "UlXVXD4OqDfpc+BVIqrw4R9YtusnAmuQnwXCg==\n"
    )
    key = str(KEYS[KeyKind.ED25519].verifier)
    assert key == "example.com/log+9be5d3c6+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"


def test_what_is_written_is_read_back() -> None:
    assert parse_note(str(SIGNED).encode()) == SIGNED
    assert parse_checkpoint(SIGNED.text) == LogCheckpoint(NAME, 20852163, EMPTY_ROOT)
    for kind, key in KEYS.items():
        assert VerifierKey.parse(str(key.verifier)) == key.verifier
        assert verify_note(SIGNED, [key.verifier]) == {key.verifier: None if kind is KeyKind.ED25519 else AT}
    more = sign_note(BODY, [SigningKey("witness.example", KeyKind.ED25519_COSIGNATURE, bytes(32))], AT)
    assert SIGNED.with_signatures(more.signatures).signatures == SIGNED.signatures + more.signatures
    assert SIGNED.with_signatures(SIGNED.signatures) == SIGNED


@given(st.data())
def test_a_changed_byte_is_no_signature(data: st.DataObject) -> None:
    """It makes what is no note any more, or one that the key has not signed, or an unknown signature."""
    kind = data.draw(st.sampled_from(KeyKind))
    content = bytearray(str(sign_note(BODY, [KEYS[kind]], AT)).encode())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidNote):
        verify_note(parse_note(bytes(content)), [KEYS[kind].verifier])


@given(st.sampled_from(KeyKind), st.sampled_from(KeyKind), st.booleans())
def test_a_signature_counts_for_its_key_alone(of: KeyKind, claimed: KeyKind, is_named_alike: bool) -> None:  # noqa: FBT001
    key = KEYS[claimed].verifier if is_named_alike else SigningKey("other", claimed, bytes(32)).verifier
    note = sign_note(BODY, [KEYS[of]], AT)
    if of is claimed and is_named_alike:
        assert verify_note(note, [key])
        return
    with pytest.raises(InvalidNote, match="None of the signatures is of a known key; known are those of"):
        verify_note(note, [key])
    forged = SignedNote(note.text, (NoteSignature(key.name, key.key_id, note.signatures[0].signature),))
    with pytest.raises(InvalidNote, match=r"is not one of this text|states a time that is none"):
        verify_note(forged, [key])


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    first, *rest = SIGNED.signatures
    bad = NoteSignature(first.name, first.key_id, bytes(64))
    with pytest.raises(InvalidNote, match="not one of this text"):
        verify_note(SignedNote(BODY, (bad, *rest)), [key.verifier for key in KEYS.values()])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an empty line"),
        (b"text\n", "an empty line"),
        (b"text\n\n", "an empty line"),
        ("text\n\n— name AAAAAAA=".encode(), "each with its end"),
        ("text\n\n— name AAAAAA==\n".encode(), "a line such as"),
        (b"text\n\n- name AAAAAAA=\n", "a line such as"),
        ("text\n\n— na+me AAAAAAA=\n".encode(), "a line such as"),
        ("text\n\n—  AAAAAAA=\n".encode(), "a line such as"),
        ("text\n\n— na\u2003me AAAAAAA=\n".encode(), "a line such as"),
        ("text\n\n— name AAAAAAB=\n".encode(), "not the base64 of anything"),
        ("text\n\n— name AAAAA\n".encode(), "is not base64"),
        ("te\rxt\n\n— name AAAAAAA=\n".encode(), "control characters"),
        (b"te\xffxt\n\n", "UTF-8"),
        (b"text\n\n" + "— name AAAAAAA=\n".encode() * 101, "1 to 100 lines"),
        (bytes(2 << 20), "at most 1048576 bytes"),
    ],
)
def test_no_notes(content: bytes, why: str) -> None:
    with pytest.raises(InvalidNote, match=why):
        parse_note(content)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "a line each"),
        (f"log\n1\n{ROOT}", "a line each"),
        (f"\n1\n{ROOT}\n", "a line each"),
        (f"log\n1\n{ROOT}\n\n", "a line each"),
        (f"log\n01\n{ROOT}\n", "without leading zeroes"),
        (f"log\n-1\n{ROOT}\n", "without leading zeroes"),
        (f"log\n٣\n{ROOT}\n".replace("٣", chr(0x663)), "without leading zeroes"),
        (f"log\n{2**63}\n{ROOT}\n", "without leading zeroes"),
        ("log\n1\nAAAA\n", "32 bytes; got 3"),
        (f"log\n1\n{ROOT[:-2]}V=\n", "not the base64 of anything"),
        (f"{'l' * 256}\n1\n{ROOT}\n", "at most 255 characters"),
    ],
)
def test_no_checkpoints(body: str, why: str) -> None:
    with pytest.raises(InvalidNote, match=why):
        parse_checkpoint(body)


def test_checkpoints_with_more_lines() -> None:
    checkpoint = LogCheckpoint("log", 0, EMPTY_ROOT, ("more", "and more"))
    assert parse_checkpoint(checkpoint.body) == checkpoint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "NAME.ID.BASE64"),
        ("name+00000000+", "NAME.ID.BASE64"),
        ("name+00000000+AAAA", "type 0x00; known are 0x01"),
        ("name+00000000+AQAA", "the id of its name"),
        (str(KEYS[KeyKind.ED25519].verifier).replace(NAME, "other"), "the id of its name"),
        (str(KEYS[KeyKind.ED25519].verifier).upper(), "NAME.ID.BASE64|the id of its name|type"),
    ],
)
def test_no_keys(text: str, why: str) -> None:
    with pytest.raises(InvalidNote, match=why):
        VerifierKey.parse(text)


def test_a_private_key_is_not_shown() -> None:
    key = KEYS[KeyKind.ML_DSA_44]
    assert repr(key) == "SigningKey(example.com/log, •••)"


@pytest.mark.parametrize("kind", [KeyKind.ML_DSA_44])
def test_what_such_a_key_cannot_sign(kind: KeyKind) -> None:
    with pytest.raises(InvalidNote):
        KEYS[kind].sign("no checkpoint\n", AT)
    with pytest.raises(InvalidNote, match="1 to 255 bytes"):
        SigningKey("n" * 256, kind, bytes(32)).sign(BODY, AT)
