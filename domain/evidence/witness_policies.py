"""Which logs are known, and which witnesses have to have signed (C2SP tlog-policy)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.note_keys import KeyKind, VerifierKey, verify_note
from domain.evidence.signed_notes import InvalidNote, SignedNote

POLICY_BYTES_MAX = 1 << 20
NAMES_MAX = 1_000
NONE = "none"
_CONTROL = re.compile(rb"[^\t\n -~\x80-\xff]")
_LOG_KINDS = frozenset({KeyKind.ED25519, KeyKind.ML_DSA_44})
_WITNESS_KINDS = frozenset({KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44})


class InvalidPolicy(Exception):  # noqa: N818  said to a person
    """The message names the line."""


class QuorumMissing(Exception):  # noqa: N818  reads as the verdict that it is
    """Fewer witnesses have signed than the policy asks for."""


@dataclass(frozen=True, slots=True)
class Witness:
    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, WitnessGroup]
    quorum: str
    """The name of a witness, of a group, or `none`."""

    def verify(self, note: SignedNote) -> LogCheckpoint:
        """The checkpoint, when a log of the policy and as many witnesses as it asks for have signed it. Raises
        InvalidNote and QuorumMissing."""
        verify_note(note, self.logs)
        checkpoint = parse_checkpoint(note.text)
        signed = self.signed_by(note)
        if not self._has_witnessed(self.quorum, signed):
            raise QuorumMissing(
                f"The checkpoint of {checkpoint.origin} with {checkpoint.size} entries is signed by the witnesses "
                f"{', '.join(sorted(signed)) or '(none)'}; that is not the quorum {self.quorum}."
            )
        return checkpoint

    def has_quorum(self, note: SignedNote) -> bool:
        """Whether as many witnesses as the policy asks for have signed it. Raises InvalidNote."""
        return self._has_witnessed(self.quorum, self.signed_by(note))

    def signed_by(self, note: SignedNote) -> Mapping[str, int]:
        """The witnesses that have signed it, and when, in seconds since 1970. Raises InvalidNote for a witness's
        signature that does not fit."""
        names = {witness.key: name for name, witness in self.witnesses.items()}
        named = {(key.name, key.key_id) for key in names}
        if not any((each.name, each.key_id) in named for each in note.signatures):
            return {}
        return {names[key]: at or 0 for key, at in verify_note(note, names).items()}

    def _has_witnessed(self, name: str, signed: Mapping[str, int]) -> bool:
        if name == NONE:
            return True
        if name in self.witnesses:
            return name in signed
        group = self.groups[name]
        return sum(self._has_witnessed(member, signed) for member in group.members) >= group.threshold


def parse_policy(content: bytes) -> WitnessPolicy:
    """Raises InvalidPolicy."""
    if len(content) > POLICY_BYTES_MAX or _CONTROL.search(content):
        raise InvalidPolicy(f"A policy has at most {POLICY_BYTES_MAX} bytes, and no control characters.")
    reading = _Reading()
    for number, line in enumerate(content.decode(errors="surrogateescape").split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.take(*words)
        except (InvalidNote, InvalidPolicy) as error:
            raise InvalidPolicy(f"Line {number} of the policy: {error}") from error
    return reading.policy()


class _Reading:
    """A policy as far as it was read."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, WitnessGroup] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def take(self, keyword: str, *words: str) -> None:
        match keyword, words:
            case "log", [key] | [key, _]:
                self._logs.append(self._key(key, _LOG_KINDS, self._logs))
            case "witness", [name, key] | [name, key, _]:
                known = [witness.key for witness in self._witnesses.values()]
                url = words[2] if len(words) > 2 else None  # noqa: PLR2004  the third
                self._witnesses[self._new(name)] = Witness(self._key(key, _WITNESS_KINDS, known), url)
            case "group", [name, threshold, *members] if members:
                self._groups[self._new(name)] = self._group(threshold, members)
            case "quorum", [name] if self._quorum is None:
                if name != NONE:
                    self._defined(name)
                self._quorum = name
            case _:
                raise InvalidPolicy(
                    "expected log KEY [URL], witness NAME KEY [URL], group NAME all|any|NUMBER NAME..., or one quorum "
                    f"NAME; got {' '.join((keyword, *words))[:100]!r}"
                )

    def policy(self) -> WitnessPolicy:
        if self._quorum is None:
            raise InvalidPolicy("A policy has a line with its quorum; `quorum none` asks for no witness.")
        return WitnessPolicy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _group(self, threshold: str, members: list[str]) -> WitnessGroup:
        for member in members:
            self._defined(member)
            if member in self._members:
                raise InvalidPolicy(f"{member} is a member of a group already")
            self._members.add(member)
        asked = {"any": "1", "all": str(len(members))}.get(threshold, threshold)
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:9]) <= len(members):
            raise InvalidPolicy(f"a group asks for all, any, or 1 to {len(members)} of its members; got {threshold!r}")
        return WitnessGroup(int(asked), tuple(members))

    def _new(self, name: str) -> str:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise InvalidPolicy(f"the name {name} is taken")
        if len(self._witnesses) + len(self._groups) >= NAMES_MAX:
            raise InvalidPolicy(f"at most {NAMES_MAX} witnesses and groups are read")
        return name

    def _defined(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise InvalidPolicy(f"no witness or group {name} is defined before")

    def _key(self, text: str, kinds: frozenset[KeyKind], known: list[VerifierKey]) -> VerifierKey:
        key = VerifierKey.parse(text)
        if key.kind not in kinds:
            expected = ", ".join(f"{each:#04x}" for each in sorted(kinds))
            raise InvalidPolicy(f"the key of {key.name} is of the type {key.kind:#04x}; expected one of {expected}")
        if any(key.public == other.public for other in known):
            raise InvalidPolicy(f"the key of {key.name} is there twice")
        return key
