"""Bundles: entries of an account's log between two moments, with all that proves them, in one zip file that is verified
without anything else (docs/adr/0067).

| member | is |
|---|---|
| `manifest.json` | what the bundle claims to be: a `BundleManifest` |
| `entries.jsonl` | the entries, a line each, as the ledger holds them; with the period's neighbours, if it has any |
| `range.json` | the tree before the first line, and the proof from the tree at the last one to the checkpoint's |
| `checkpoint.txt` | the account's checkpoint: a signed note (C2SP tlog-checkpoint) |
| `heads.tlog-proof` | that its text is an entry of the log of heads (C2SP tlog-proof), with that log's checkpoint |
| `texts/SHA256` | long texts that entries name |
| anything else | is vouched for by nobody: the manifest only says which bytes it was made with |
"""

import json
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import IO, Any

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.log_proofs import parse_proof
from domain.evidence.merkle import Frontier, InvalidProof, hash_leaf, verify_consistency
from domain.evidence.note_keys import VerifierKey, verify_note
from domain.evidence.signed_notes import InvalidNote, SignedNote, parse_note
from domain.evidence.witness_policies import QuorumMissing, WitnessPolicy

FORMAT = "muniment-bundle/1"
MANIFEST, ENTRIES, RANGE = "manifest.json", "entries.jsonl", "range.json"
CHECKPOINT, HEADS_PROOF, TEXTS = "checkpoint.txt", "heads.tlog-proof", "texts/"
MEMBERS_MAX = 100_000
SMALL_BYTES_MAX = 64 << 20
"""Of a member that is read as a whole."""
ENTRY_BYTES_MAX = 16 << 20
LATE = timedelta(seconds=5)
"""An entry is committed at most so long after the time that it bears."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip file can say: two bundles of the same are the same bytes."""


class InvalidBundle(Exception):  # noqa: N818  reads as the verdict that it is
    """What in a bundle does not fit; the message says what was expected."""


class ClaimRefuted(InvalidBundle):
    """An entry of the period is one that is claimed to be absent."""


@dataclass(frozen=True, slots=True)
class BundleManifest:
    account_id: str
    since: str
    """RFC 3339, as the entries have their times."""
    until: str
    first: int
    """The position of the first entry of the period; of an empty one, of the next entry behind it."""
    last: int
    begin: int
    """The position of the first line: `first`, or one less."""
    origin: str
    """Of the log of heads."""
    verifier_keys: tuple[str, ...]
    claims: tuple[Mapping[str, str], ...] = ()
    """Of what no entry of the period is: fields of `ABSENCES` with their values, all of which it would have."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of every other member."""


def _principal(cause: Mapping[str, Any], name: str) -> object:
    return (cause.get("principal") or {}).get(name)


ABSENCES: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "access_key_id": lambda cause: cause.get("access_key_id"),
    "principal_arn": lambda cause: _principal(cause, "arn"),
    "principal_id": lambda cause: _principal(cause, "principal_id"),
    "operation": lambda cause: f"{cause.get('service')}:{cause.get('operation')}",
}
"""By which calls can be claimed to be absent: fields of an entry's cause."""


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    manifest: BundleManifest
    checkpoint: LogCheckpoint
    """Of the account's log."""
    heads: LogCheckpoint
    signed_by: Mapping[str, datetime | None]
    """Keys of the log of heads, and witnesses, that have signed its checkpoint, with the times that they state."""
    is_by_own_keys: bool
    """Whether nobody but the bundle itself says which keys those are."""
    entries: int
    """Of the period."""
    unproved: tuple[str, ...]
    """Members that nothing proves."""


def write_bundle(file: IO[bytes], manifest: BundleManifest, members: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """The members as they come, each in parts, and the manifest with their digests."""
    files: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
        for name, parts in members:
            digest = sha256()
            with bundle.open(_member(name), "w", force_zip64=True) as member:
                for part in parts:
                    digest.update(part)
                    member.write(part)
            files[name] = digest.hexdigest()
        said = {"format": FORMAT, **asdict(manifest), "files": files}
        bundle.writestr(_member(MANIFEST), json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def range_bytes(before: Frontier, consistency: Sequence[bytes]) -> bytes:
    said = {
        "size": before.size,
        "hashes": [b64encode(each).decode() for each in before.hashes],
        "consistency": [b64encode(each).decode() for each in consistency],
    }
    return json.dumps(said, indent=1).encode() + b"\n"


def verify_bundle(
    file: IO[bytes], policy: WitnessPolicy | None = None, tell: Callable[[int, int], None] = lambda *_: None
) -> VerifiedBundle:
    """By the policy's keys and quorum, or by the keys that the bundle names. `tell` hears how many of how many entries
    are read. Raises InvalidBundle."""
    try:
        with zipfile.ZipFile(file) as bundle:
            return _Verification(bundle, policy, tell).result()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise InvalidBundle(f"The file is no zip file that can be read: {error}") from error
    except (InvalidNote, InvalidProof, QuorumMissing) as error:
        raise InvalidBundle(str(error)) from error


class _Verification:
    def __init__(self, bundle: zipfile.ZipFile, policy: WitnessPolicy | None, tell: Callable[[int, int], None]) -> None:
        self._bundle = bundle
        self._policy = policy
        self._tell = tell
        self._texts: set[str] = set()

    def result(self) -> VerifiedBundle:
        manifest = self._manifest()
        names = self._check_files(manifest)
        note = parse_note(self._small(CHECKPOINT))
        checkpoint = parse_checkpoint(note.text)
        proof = parse_proof(self._small(HEADS_PROOF))
        keys = self._log_keys(manifest, proof.note)
        heads = proof.verify(note.text.encode(), keys, parse_checkpoint(proof.note.text).origin)
        own = f"{heads.origin}/{manifest.account_id}"
        if checkpoint.origin != own:
            raise InvalidBundle(f"The account's checkpoint is of the log {checkpoint.origin}; expected {own}.")
        signed = verify_note(proof.note, keys)
        of_account = verify_note(note, [VerifierKey(own, key.kind, key.public) for key in keys])
        if {key.kind for key in signed} != {key.kind for key in of_account}:
            raise InvalidBundle(
                "The account's checkpoint and that of the log of heads are not signed by the same keys."
            )
        signed_by = self._signed_by(proof.note, signed)
        entries = self._entries(manifest, checkpoint, max(filter(None, signed_by.values()), default=None))
        unproved = tuple(sorted(name for name in names if not self._is_proved(name)))
        return VerifiedBundle(manifest, checkpoint, heads, signed_by, self._policy is None, entries, unproved)

    def _is_proved(self, name: str) -> bool:
        return name in {ENTRIES, RANGE, CHECKPOINT, HEADS_PROOF} or name.removeprefix(TEXTS) in self._texts

    def _manifest(self) -> BundleManifest:
        said = self._json(MANIFEST)
        if said.pop("format", None) != FORMAT:
            raise InvalidBundle(f"{MANIFEST} is not of the format {FORMAT}.")
        try:
            manifest = BundleManifest(**said)
            numbers = (manifest.first, manifest.last, manifest.begin)
            is_understood = (
                all(type(number) is int for number in numbers)
                and 1 <= manifest.begin <= manifest.first <= manifest.last + 1
                and manifest.first - manifest.begin <= 1
                and all(isinstance(value, str) for value in (*manifest.files, *manifest.files.values()))
                and _time(manifest.since) <= _time(manifest.until)
            )
        except (TypeError, ValueError) as error:
            raise InvalidBundle(f"{MANIFEST} does not say what a bundle has to: {error}") from error
        if not is_understood:
            raise InvalidBundle(f"{MANIFEST} names no period, positions and files of a bundle.")
        for claim in manifest.claims:
            if not claim or not claim.keys() <= ABSENCES.keys():
                raise InvalidBundle(f"A claim is of {', '.join(ABSENCES)}; got {claim}.")
        return manifest

    def _check_files(self, manifest: BundleManifest) -> set[str]:
        """That there are all members that the manifest names, no others, none twice, and none changed."""
        members = self._bundle.namelist()
        if len(members) > MEMBERS_MAX or len({*members}) < len(members):
            raise InvalidBundle(f"A bundle has at most {MEMBERS_MAX} members, and none twice.")
        for name in sorted({*members} ^ {*manifest.files, MANIFEST}):
            where = "in the bundle and not in its manifest" if name in members else "missing"
            raise InvalidBundle(f"{name} is {where}.")
        for required in (ENTRIES, RANGE, CHECKPOINT, HEADS_PROOF):
            if required not in manifest.files:
                raise InvalidBundle(f"{required} is missing.")
        for name, expected in manifest.files.items():
            if name != ENTRIES and (found := self._digest(name)) != expected:  # entries are read once, further on
                raise InvalidBundle(f"{name} has the SHA-256 {found}; expected {expected}.")
        return {*manifest.files}

    def _digest(self, name: str) -> str:
        digest, room = sha256(), SMALL_BYTES_MAX
        with self._bundle.open(name) as member:
            while part := member.read(1 << 20):
                room -= len(part)
                if room < 0:
                    raise InvalidBundle(f"{name} has more than {SMALL_BYTES_MAX} bytes.")
                digest.update(part)
        return digest.hexdigest()

    def _log_keys(self, manifest: BundleManifest, note: SignedNote) -> list[VerifierKey]:
        """Of the log of heads that the note is of."""
        origin = parse_checkpoint(note.text).origin
        if self._policy is None and origin != manifest.origin:
            raise InvalidBundle(f"The checkpoint is of the log {origin}; the manifest names {manifest.origin}.")
        keys = map(VerifierKey.parse, manifest.verifier_keys) if self._policy is None else self._policy.logs
        return [key for key in keys if key.name == origin]

    def _signed_by(self, note: SignedNote, signed: Mapping[VerifierKey, int | None]) -> Mapping[str, datetime | None]:
        found = {f"{key.name} ({key.kind.name})": _moment(at) for key, at in signed.items()}
        if self._policy is not None:
            self._policy.verify(note)
            found |= {name: _moment(at) for name, at in self._policy.signed_by(note).items()}
        return found

    def _entries(self, manifest: BundleManifest, checkpoint: LogCheckpoint, stated: datetime | None) -> int:
        """How many the period has. Raises InvalidBundle where lines are not all that the log has there, or not all of
        the period."""
        proved = self._json(RANGE)
        try:
            before = Frontier(proved["size"], tuple(map(_hash, proved["hashes"])))
            consistency = [_hash(each) for each in proved["consistency"]]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidBundle(f"{RANGE} is no proof: {error}") from error
        if self._small(RANGE) != range_bytes(before, consistency):
            raise InvalidBundle(f"{RANGE} is not written in the one way there is.")
        if before.size != manifest.begin - 1:
            raise InvalidBundle(
                f"{RANGE} is about entries from position {before.size + 1} on; expected {manifest.begin}."
            )
        period = _Period(manifest)
        digest, grown = sha256(), before
        for line in self._lines():
            digest.update(line)
            digest.update(b"\n")
            grown = grown.with_leaves([hash_leaf(line)])
            self._texts |= period.take(line, grown.size)
            if grown.size % 1_000 == 0:
                self._tell(grown.size - before.size, manifest.last - manifest.begin + 1)
        if digest.hexdigest() != manifest.files[ENTRIES]:
            raise InvalidBundle(f"{ENTRIES} has the SHA-256 {digest.hexdigest()}; expected {manifest.files[ENTRIES]}.")
        if grown.size == before.size:
            raise InvalidBundle(f"{ENTRIES} has no line: nothing is proved.")
        verify_consistency(grown.size, grown.root, checkpoint.size, checkpoint.root, consistency)
        period.end(checkpoint, stated)
        for name in manifest.files:
            if name.startswith(TEXTS) and manifest.files[name] != name.removeprefix(TEXTS):
                raise InvalidBundle(f"{name} is not the text of that SHA-256.")
        return period.count

    def _lines(self) -> Iterator[bytes]:
        with self._bundle.open(ENTRIES) as member:
            while line := member.readline(ENTRY_BYTES_MAX):
                if not line.endswith(b"\n"):
                    raise InvalidBundle(f"{ENTRIES} has lines of at most {ENTRY_BYTES_MAX} bytes, each with its end.")
                yield line[:-1]

    def _small(self, name: str) -> bytes:
        try:
            with self._bundle.open(name) as member:
                content = member.read(SMALL_BYTES_MAX + 1)
        except KeyError as error:
            raise InvalidBundle(f"{name} is missing.") from error
        if len(content) > SMALL_BYTES_MAX:
            raise InvalidBundle(f"{name} has more than {SMALL_BYTES_MAX} bytes.")
        return content

    def _json(self, name: str) -> dict[str, Any]:
        try:
            said = json.loads(self._small(name), object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise InvalidBundle(f"{name} is no JSON.") from error
        if not isinstance(said, dict):
            raise InvalidBundle(f"{name} is no JSON object.")
        return said


class _Period:
    """The entries of a bundle, one after the other: each says where and when it is, and what it is of."""

    def __init__(self, manifest: BundleManifest) -> None:
        self._manifest = manifest
        self._since, self._until = _time(manifest.since), _time(manifest.until)
        self._last: tuple[int, datetime] | None = None
        self.count = 0

    def take(self, line: bytes, position: int) -> set[str]:
        """The digests that it names: of long texts, perhaps."""
        manifest = self._manifest
        try:
            said = json.loads(line, object_pairs_hook=_object)
            found, at, cause = (said["account_id"], said["position"]), _time(said["at"]), said["cause"]
            values = {name: read(cause) for name, read in ABSENCES.items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidBundle(f"The line of position {position} is no entry: {error}") from error
        if found != (manifest.account_id, position):
            raise InvalidBundle(f"The line of position {position} is the entry {found[1]} of account {found[0]}.")
        if self._last is not None and at < self._last[1]:
            raise InvalidBundle(f"The entry {position} is older than the one before it.")
        self._last = (position, at)
        is_inside = manifest.first <= position <= manifest.last
        if is_inside != (self._since <= at <= self._until):
            where = "outside of" if is_inside else "of"
            raise InvalidBundle(
                f"The entry {position} is {where} the period from {manifest.since} to {manifest.until}: {said['at']}."
            )
        if not is_inside:
            return set()
        self.count += 1
        for claim in manifest.claims:
            if all(values[name] == value for name, value in claim.items()):
                raise ClaimRefuted(f"The entry {position} is one that is claimed to be absent: {claim}.")
        return set(_strings(said.get("event"), 64))

    def end(self, checkpoint: LogCheckpoint, stated: datetime | None) -> None:
        """That nothing of the period is left out at either end."""
        manifest = self._manifest
        if manifest.begin == manifest.first > 1:
            raise InvalidBundle(f"The entry before position {manifest.first} is missing: others may be of the period.")
        position, _ = self._last or (0, self._since)
        if position < manifest.last or position > manifest.last + 1:
            raise InvalidBundle(
                f"The lines end at position {position}; expected {manifest.last}, and the one behind it."
            )
        if position == manifest.last and position < checkpoint.size:
            raise InvalidBundle(f"The entry behind position {manifest.last} is missing: others may be of the period.")
        if position == manifest.last and (stated is None or stated < self._until + LATE):
            raise InvalidBundle(
                f"The checkpoint ends with position {position} and was signed at {stated or 'no stated time'}: entries "
                f"up to {manifest.until} may have come later; expected a time at least {LATE.seconds} s after that."
            )


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that is there twice: readers differ in which one they take."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _strings(value: object, length: int) -> Iterator[str]:
    """Texts of that length anywhere in it."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif isinstance(each, str) and len(each) == length:
            yield each


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} is in no time zone.")
    return at


def _moment(at: int | None) -> datetime | None:
    """Raises InvalidBundle."""
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidBundle(f"A signature states a time that is none: {at}.") from error


def _hash(text: str) -> bytes:
    return b64decode(text, validate=True)
