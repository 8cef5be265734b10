"""Policies: how many witnesses have to have signed, and which files are none."""

from itertools import combinations

import pytest

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.merkle import EMPTY_ROOT
from domain.evidence.note_keys import KeyKind, SigningKey, sign_note
from domain.evidence.signed_notes import InvalidNote, NoteSignature, SignedNote
from domain.evidence.witness_policies import InvalidPolicy, QuorumMissing, parse_policy

LOG = SigningKey("example.com/log", KeyKind.ML_DSA_44, bytes(32))
WITNESSES = {
    name: SigningKey(f"{name}.example", kind, bytes([number]) * 32)
    for number, (name, kind) in enumerate(
        [
            *((f"X{number}", KeyKind.ED25519_COSIGNATURE) for number in (1, 2, 3)),
            *((f"Y{number}", KeyKind.ML_DSA_44) for number in (1, 2)),
        ],
        1,
    )
}
KEYS = {name: str(key.verifier) for name, key in WITNESSES.items()}
POLICY = f"""# The example of the specification.
log {LOG.verifier} https://example.com/log/

\twitness  X1 {KEYS["X1"]}\thttps://x1.example/
witness X2 {KEYS["X2"]}
witness X3 {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3
witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
CHECKPOINT = LogCheckpoint("example.com/log", 7, EMPTY_ROOT)


def signed(*names: str) -> SignedNote:
    return sign_note(CHECKPOINT.body, [LOG, *(WITNESSES[name] for name in names)], 1_800_000_000)


def test_the_quorum() -> None:
    """Of all sets of witnesses, those with two of X and one of Y."""
    policy = parse_policy(POLICY.encode())
    assert policy.witnesses["X1"].url == "https://x1.example/"
    for count in range(len(WITNESSES) + 1):
        for names in combinations(WITNESSES, count):
            note = signed(*names)
            assert policy.signed_by(note) == dict.fromkeys(names, 1_800_000_000)
            kinds = [name[0] for name in names]
            if kinds.count("X") >= 2 and "Y" in kinds:
                assert policy.verify(note) == CHECKPOINT
            else:
                with pytest.raises(QuorumMissing, match=r"that is not the quorum X-and-Y\."):
                    policy.verify(note)


def test_a_witness_alone_is_no_log() -> None:
    policy = parse_policy(POLICY.encode())
    with pytest.raises(InvalidNote, match="of a known key"):
        policy.verify(sign_note(CHECKPOINT.body, WITNESSES.values(), 0))
    bad = NoteSignature("X1.example", WITNESSES["X1"].verifier.key_id, bytes(72))
    with pytest.raises(InvalidNote, match=r"The signature of X1\.example is not one of this text"):
        policy.verify(signed("X2", "X3", "Y1").with_signatures([bad]))


def test_no_witness() -> None:
    policy = parse_policy(f"log {LOG.verifier}\nquorum none".encode())
    assert policy.verify(signed()) == CHECKPOINT
    alone = parse_policy(f"log {LOG.verifier}\nwitness w {KEYS['X1']}\nquorum w\n".encode())
    assert alone.verify(signed("X1")) == CHECKPOINT
    with pytest.raises(QuorumMissing, match=r"signed by the witnesses \(none\)"):
        alone.verify(signed())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a line with its quorum"),
        ("quorum none\nquorum none", "Line 2 .*one quorum"),
        ("quorum X1", "Line 1 .*no witness or group X1 is defined before"),
        ("\nquorum", "Line 2 .*expected log KEY"),
        ("log nonsense\nquorum none", "Line 1 .*NAME.ID.BASE64"),
        (f"log {KEYS['X1']}\nquorum none", "type 0x04; expected one of 0x01, 0x06"),
        (f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none", "Line 2 .*there twice"),
        (f"witness none {KEYS['X1']}", "the name none is taken"),
        (f"witness w {KEYS['X1']}\nwitness w {KEYS['X2']}", "the name w is taken"),
        (f"witness w {KEYS['X1']}\nwitness v {KEYS['X1']}", r"the key of X1\.example is there twice"),
        (f"witness w {SigningKey('w', KeyKind.ED25519, bytes(32)).verifier}", "type 0x01; expected one of 0x04, 0x06"),
        (f"witness w {KEYS['X1']}\ngroup g 2 w", "1 to 1 of its members; got '2'"),
        (f"witness w {KEYS['X1']}\ngroup g 0 w", "1 to 1 of its members; got '0'"),
        (f"witness w {KEYS['X1']}\ngroup g some w", "1 to 1 of its members; got 'some'"),
        (f"witness w {KEYS['X1']}\ngroup g any", "expected log KEY"),
        (f"witness w {KEYS['X1']}\ngroup g any w w", "w is a member of a group already"),
        (f"witness w {KEYS['X1']}\ngroup g any w\ngroup h any w", "w is a member of a group already"),
        (f"witness w {KEYS['X1']}\ngroup g any g", "no witness or group g is defined before"),
        (f"witness w {KEYS['X1']}\ngroup g any none", "no witness or group none is defined before"),
        ("quorum none\r\n", "no control characters"),
        ("quorum none\x7f", "no control characters"),
    ],
)
def test_no_policies(text: str, why: str) -> None:
    with pytest.raises(InvalidPolicy, match=why):
        parse_policy(text.encode())


def test_names_are_bytes() -> None:
    """Of any encoding."""
    lines = (f"log {LOG.verifier}", f"witness é {KEYS['X1']}", "quorum é")
    policy = parse_policy("\n".join(lines).encode("latin-1"))
    assert policy.verify(signed("X1")) == CHECKPOINT


def test_how_many() -> None:
    lines = [
        f"witness w{number} {SigningKey('w', KeyKind.ED25519_COSIGNATURE, number.to_bytes(32, 'big')).verifier}"
        for number in range(1_001)
    ]
    with pytest.raises(InvalidPolicy, match=r"Line 1001 .*at most 1000"):
        parse_policy("\n".join([*lines, "quorum none"]).encode())
    with pytest.raises(InvalidPolicy, match="at most 1048576 bytes"):
        parse_policy(b"#" * (1 << 20) + b"\n")
