"""Bundles: what is whole verifies, and whatever is done to one is named."""

import io
import json
import random
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from domain.evidence.bundles import ENTRIES, MANIFEST, InvalidBundle, VerifiedBundle, verify_bundle
from domain.evidence.witness_policies import WitnessPolicy, parse_policy
from tests.domain.evidence.bundle_of import (
    ACCOUNT,
    BEGAN_AT,
    LEDGER,
    ORIGIN,
    Made,
    at,
    entry,
    keys,
    packed,
    policy_of,
    unpacked,
)

POLICY = policy_of()
OTHER_SEEDS = (bytes([7]) * 32, bytes([8]) * 32)


def verified(content: bytes, policy: WitnessPolicy | None = POLICY) -> VerifiedBundle:
    return verify_bundle(io.BytesIO(content), policy)


def test_one_that_is_whole() -> None:
    found = verified(Made().content())
    assert found.entries == 10
    assert (found.checkpoint.origin, found.checkpoint.size) == (f"{ORIGIN}/{ACCOUNT}", 40)
    assert (found.heads.origin, found.heads.size) == (ORIGIN, 3)
    assert found.signed_by == {f"{ORIGIN} (ED25519)": None, f"{ORIGIN} (ML_DSA_44)": datetime(2026, 1, 2, tzinfo=UTC)}
    assert (found.is_by_own_keys, found.unproved) == (False, ())
    assert verified(Made().content(), None).is_by_own_keys


@pytest.mark.parametrize(
    "made",
    [
        Made(first=1, begin=1, last=3, end=4, since=at(-9), until=at(3)),
        Made(first=1, begin=1, last=40, end=40, since=at(0), until=at(40)),
        Made(first=31, begin=30, last=40, end=40, since=at(31), until=at(60)),
        Made(first=12, begin=11, last=11, end=12, since="2026-01-01T00:11:30Z", until="2026-01-01T00:11:31Z"),
        Made(first=41, begin=40, last=40, end=40, since=at(41), until=at(60)),
        Made(claims=({"access_key_id": "AKIAEVIL"}, {"operation": "iam:DeleteUser", "access_key_id": "AKIAADMIN"})),
    ],
    ids=["from the beginning", "all", "to the end", "nothing between two", "nothing behind the last", "claims"],
)
def test_periods(made: Made) -> None:
    assert verified(made.content()).entries == made.last - made.first + 1


def test_texts_and_what_nobody_vouches_for() -> None:
    text = b"-----BEGIN CERTIFICATE-----"
    name = sha256(text).hexdigest()
    line = json.loads(LEDGER[14])
    ledger = [*LEDGER[:14], json.dumps({**line, "event": {"body": {"sha256": name}}}).encode(), *LEDGER[15:]]
    made = Made(ledger, texts={f"texts/{name}": text, "report/report.html": b"<p>", "index.html": b"<p>"})
    assert verified(made.content()).unproved == ("index.html", "report/report.html")
    wrong = made.but(texts={f"texts/{name}": b"another"})
    with pytest.raises(InvalidBundle, match=rf"texts/{name} is not the text of that SHA-256"):
        verified(wrong.content())
    unnamed = Made(texts={f"texts/{name}": text})
    assert verified(unnamed.content()).unproved == (f"texts/{name}",)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Made(begin=11), "The entry before position 11 is missing"),
        (Made(end=20), "The entry behind position 20 is missing"),
        (Made(end=22), "The lines end at position 22; expected 20"),
        (Made(end=19), "The lines end at position 19; expected 20"),
        (Made(since=at(12)), r"The entry 11 is outside of the period from .*: 2026-01-01T00:11:00Z"),
        (Made(until=at(19)), "The entry 20 is outside of the period"),
        (Made(since=at(10)), "The entry 10 is of the period"),
        (Made(until=at(21)), "The entry 21 is of the period"),
        (Made(first=12, begin=10), "MANIFEST|manifest.json names no period"),
        (Made(since=at(20), until=at(11)), "manifest.json names no period"),
        (Made(since="2026-01-01"), "manifest.json does not say"),
        (Made(claims=({"access_key_id": "AKIAADMIN"},)), "The entry 11 is one that is claimed to be absent"),
        (Made(claims=({"user": "ann"},)), "A claim is of access_key_id, principal_arn"),
        (Made(claims=({},)), "A claim is of access_key_id, principal_arn"),
        (Made(seeds=OTHER_SEEDS), "None of the signatures is of a known key"),
        (
            Made(first=31, begin=30, last=40, end=40, since=at(31), until=at(60), signed_at=BEGAN_AT),
            "was signed at 2026-01-01 00:00:00.00:00: entries up to .* may have come later",
        ),
        (Made([*LEDGER[:14], entry(16), *LEDGER[15:]]), "The line of position 15 is the entry 16 of account 1234"),
        (Made([*LEDGER[:14], b"{}", *LEDGER[15:]]), "The line of position 15 is no entry"),
        (Made([*LEDGER[:14], b"[" * 9_999, *LEDGER[15:]]), "The line of position 15 is no entry"),
        (
            Made([*LEDGER[:14], LEDGER[14].replace(at(15).encode(), at(13).encode()), *LEDGER[15:]]),
            "The entry 15 is older than the one before it",
        ),
    ],
)
def test_what_does_not_fit(made: Made, why: str) -> None:
    with pytest.raises(InvalidBundle, match=why):
        verified(made.content())


def test_a_manifest_that_was_made_to_fit() -> None:
    """Whoever changes entries can change their digests too; not what was signed."""
    members = unpacked(Made().content())
    lines = members[ENTRIES].split(b"\n")
    for changed in (
        [*lines[:5], lines[5].replace(b"AKIAADMIN", b"AKIAOTHER"), *lines[6:]],
        [*lines[:5], *lines[6:]],
        [*lines[:5], lines[6], lines[5], *lines[7:]],
        [*lines[:5], lines[5], *lines[5:]],
    ):
        content = b"\n".join(changed)
        manifest = json.loads(members[MANIFEST])
        manifest["files"][ENTRIES] = sha256(content).hexdigest()
        forged = {**members, ENTRIES: content, MANIFEST: json.dumps(manifest).encode()}
        with pytest.raises(InvalidBundle):
            verified(packed(forged))


def test_random_tampers() -> None:
    """Of every member, with the manifest made to fit where it can be; a few of those in benchmarks."""
    draw = random.Random(17)  # noqa: S311  the same in every run
    forked = [*LEDGER[:30], entry(31, access_key_id="AKIAOTHER"), *LEDGER[31:]]
    good, fork = unpacked(Made().content()), unpacked(Made(forked).content())
    assert verified(packed(good))
    for _ in range(400):
        tampered = tamper(good, fork, draw)
        with pytest.raises(InvalidBundle):
            verified(packed(tampered))


def tamper(good: dict[str, bytes], fork: dict[str, bytes], draw: random.Random) -> dict[str, bytes]:
    """Something else than it was: changed, removed, repeated, swapped, truncated, or of another history."""
    name = draw.choice([each for each in good if each != MANIFEST])
    content = bytearray(good[name])
    place, other = sorted(draw.sample(range(len(content)), 2))
    changed = dict(good)
    match draw.randrange(7):
        case 0:
            content[place] ^= draw.randrange(1, 256)
        case 1:
            del content[place:other]
        case 2:
            content[place:place] = content[place:other]
        case 3:
            content = content[:place]
        case 4:
            content = bytearray(fork[name])
        case 5:
            content += bytes([draw.randrange(256)])
        case _:
            del changed[name]
            return changed
    if bytes(content) == good[name]:
        content += b"\n"
    changed[name] = bytes(content)
    if draw.random() < 0.8:
        manifest = json.loads(good[MANIFEST])
        manifest["files"][name] = sha256(content).hexdigest()
        changed[MANIFEST] = json.dumps(manifest).encode()
    return changed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no zip file that can be read"),
        (b"PK\x05\x06" + bytes(18), "manifest.json is missing"),
        (Made().content()[:-30], "no zip file that can be read"),
        (packed({MANIFEST: b"{"}), "manifest.json is no JSON"),
        (packed({MANIFEST: b"[]"}), "manifest.json is no JSON object"),
        (packed({MANIFEST: b"{}"}), "not of the format muniment-bundle/1"),
        (packed({MANIFEST: b'{"format":"muniment-bundle/1"}'}), "does not say what a bundle has to"),
        (packed({**unpacked(Made().content()), "more": b""}), "more is in the bundle and not in its manifest"),
    ],
)
def test_no_bundles(content: bytes, why: str) -> None:
    with pytest.raises(InvalidBundle, match=why):
        verified(content)


def test_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.evidence.bundles.SMALL_BYTES_MAX", 3_000)
    with pytest.raises(InvalidBundle, match="more than 3000 bytes"):
        verified(Made(texts={"texts/big": bytes(4_000)}).content())
    monkeypatch.setattr("domain.evidence.bundles.SMALL_BYTES_MAX", 64 << 20)
    monkeypatch.setattr("domain.evidence.bundles.ENTRY_BYTES_MAX", 100)
    with pytest.raises(InvalidBundle, match="lines of at most 100 bytes"):
        verified(Made().content())
    monkeypatch.setattr("domain.evidence.bundles.MEMBERS_MAX", 3)
    with pytest.raises(InvalidBundle, match="at most 3 members"):
        verified(Made().content())


def test_a_witness_s_quorum() -> None:
    """A policy may ask for more than the log's own signature."""
    lines = [f"log {key.verifier}" for key in keys(ORIGIN)]
    witness = keys("witness.example", OTHER_SEEDS)[1].verifier
    policy = parse_policy("\n".join([*lines, f"witness w {witness}", "quorum w"]).encode())
    with pytest.raises(InvalidBundle, match="that is not the quorum w"):
        verified(Made().content(), policy)
