"""Bundles of ledgers that are made up, and all that can be done to them."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.evidence.bundles import CHECKPOINT, ENTRIES, HEADS_PROOF, RANGE, BundleManifest, range_bytes, write_bundle
from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.log_proofs import LogProof
from domain.evidence.merkle import consistency_proof, frontier, inclusion_proof
from domain.evidence.note_keys import KeyKind, SigningKey, sign_note
from domain.evidence.witness_policies import WitnessPolicy, parse_policy
from tests.domain.evidence import naive_tree

ORIGIN, ACCOUNT = "example.com/log", "123456789012"
BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = (KeyKind.ED25519, KeyKind.ML_DSA_44)
SEEDS = (bytes(32), bytes([1]) * 32)


def keys(name: str, seeds: Sequence[bytes] = SEEDS) -> list[SigningKey]:
    return [SigningKey(name, kind, seed) for kind, seed in zip(KINDS, seeds, strict=True)]


def policy_of(seeds: Sequence[bytes] = SEEDS) -> WitnessPolicy:
    lines = [f"log {key.verifier}" for key in keys(ORIGIN, seeds)]
    return parse_policy("\n".join([*lines, "quorum none"]).encode())


def at(position: int) -> str:
    return (BEGAN_AT + timedelta(minutes=position)).isoformat().replace("+00:00", "Z")


def entry(position: int, **cause: object) -> bytes:
    """A minute after the one before."""
    said = {
        "account_id": ACCOUNT,
        "position": position,
        "at": at(position),
        "cause": {"service": "iam", "operation": "GetUser", "access_key_id": "AKIAADMIN", **cause},
        "event": {"read_only": True},
    }
    return json.dumps(said).encode()


LEDGER = [entry(position) for position in range(1, 41)]


def tree_of(entries: Sequence[bytes]) -> Callable[[int, int], bytes]:
    return lambda height, index: naive_tree.mth(entries[index << height : (index + 1) << height])


@dataclass(frozen=True)
class Made:
    """What a server gives of a ledger, and where it gives less."""

    ledger: Sequence[bytes] = tuple(LEDGER)
    first: int = 11
    last: int = 20
    since: str = at(11)
    until: str = at(20)
    begin: int = 10
    end: int = 21
    """The position of the last line."""
    seeds: Sequence[bytes] = SEEDS
    signed_at: datetime = BEGAN_AT + timedelta(days=1)
    claims: tuple[Mapping[str, str], ...] = ()
    texts: Mapping[str, bytes] | None = None

    def but(self, **changes: Any) -> "Made":
        return replace(self, **changes)

    def content(self) -> bytes:
        seconds = int(self.signed_at.timestamp())
        account = LogCheckpoint(f"{ORIGIN}/{ACCOUNT}", len(self.ledger), naive_tree.mth(self.ledger))
        heads = [b"of another account", account.body.encode(), b"and of a third"]
        log = LogCheckpoint(ORIGIN, len(heads), naive_tree.mth(heads))
        note = sign_note(log.body, keys(ORIGIN, self.seeds), seconds)
        read = tree_of(self.ledger)
        proof = consistency_proof(self.end, len(self.ledger), read)
        manifest = BundleManifest(
            account_id=ACCOUNT,
            since=self.since,
            until=self.until,
            first=self.first,
            last=self.last,
            begin=self.begin,
            origin=ORIGIN,
            verifier_keys=tuple(str(key.verifier) for key in keys(ORIGIN, self.seeds)),
            claims=self.claims,
        )
        members = {
            ENTRIES: [line + b"\n" for line in self.ledger[self.begin - 1 : self.end]],
            RANGE: [range_bytes(frontier(self.begin - 1, read), proof)],
            CHECKPOINT: [str(sign_note(account.body, keys(account.origin, self.seeds), seconds)).encode()],
            HEADS_PROOF: [str(LogProof(1, tuple(inclusion_proof(1, 3, tree_of(heads))), note)).encode()],
            **{name: [content] for name, content in (self.texts or {}).items()},
        }
        file = io.BytesIO()
        write_bundle(file, manifest, members.items())
        return file.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def packed(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    return file.getvalue()
