"""Asking a witness to sign a checkpoint (C2SP tlog-witness)."""

from base64 import b64encode
from collections.abc import Callable, Sequence

from domain.evidence.checkpoints import parse_checkpoint, parse_decimal
from domain.evidence.note_keys import verify_note
from domain.evidence.signed_notes import InvalidNote, NoteSignature, SignedNote, parse_signatures
from domain.evidence.witness_policies import Witness
from services.outbound.fetcher import FetchedAnswer, Fetcher, OutboundError

OK, NOT_FOUND, CONFLICT, FORBIDDEN, UNPROCESSABLE = 200, 404, 409, 403, 422
ATTEMPTS = 2
"""With the size that we know, and with the one that the witness tells then."""

ProveConsistency = Callable[[int, int], Sequence[bytes]]
"""That the log of the second size goes on from the one of the first."""


class WitnessUnavailable(Exception):  # noqa: N818  a state, which may pass
    """The witness did not sign, for a reason that says nothing of the log."""


class WitnessContradicts(Exception):  # noqa: N818  a finding
    """The witness has signed more of this log than we have, or something else: what it has seen is not here."""

    def __init__(self, said: str, size: int = 0) -> None:
        """`size` of the log that the witness has signed, where that is more than was offered."""
        super().__init__(said)
        self.size = size


def ask_witness(
    fetcher: Fetcher, witness: Witness, note: SignedNote, known_size: int, prove: ProveConsistency
) -> Sequence[NoteSignature]:
    """Its signatures of the checkpoint, verified; `known_size` is that of the one that it signed last, as far as is
    known. Raises WitnessUnavailable and WitnessContradicts."""
    checkpoint = parse_checkpoint(note.text)
    for _ in range(ATTEMPTS):
        answer = _asked(fetcher, witness, note, known_size, prove(known_size, checkpoint.size))
        if answer.status == OK:
            return _signatures(witness, note, answer.body)
        if answer.status == UNPROCESSABLE:
            raise WitnessContradicts(
                f"has signed another history: our log of {checkpoint.size} does not go on from its one of {known_size}"
            )
        if answer.status != CONFLICT:
            raise WitnessUnavailable(_refusal(answer.status))
        size = _size(answer.body)
        if size > checkpoint.size:
            said = f"has signed {size} entries of the log of heads; there are {checkpoint.size} here"
            raise WitnessContradicts(said, size)
        if size == known_size:
            raise WitnessContradicts(f"has signed another log of heads with {size} entries")
        known_size = size
    raise WitnessUnavailable("says another size each time")


def _asked(
    fetcher: Fetcher, witness: Witness, note: SignedNote, known_size: int, proof: Sequence[bytes]
) -> FetchedAnswer:
    lines = [f"old {known_size}", *(b64encode(each).decode() for each in proof)]
    body = "".join(f"{line}\n" for line in lines) + f"\n{note}"
    url = f"{(witness.url or '').rstrip('/')}/add-checkpoint"
    try:
        return fetcher.fetch("POST", url, headers={"Content-Type": "text/plain; charset=utf-8"}, body=body.encode())
    except OutboundError as error:
        raise WitnessUnavailable(str(error)) from error


def _signatures(witness: Witness, note: SignedNote, body: bytes) -> Sequence[NoteSignature]:
    try:
        found = parse_signatures(body.decode())
        signed = [each for each in found if (each.name, each.key_id) == (witness.key.name, witness.key.key_id)]
        verify_note(SignedNote(note.text, tuple(signed)), [witness.key])
    except (InvalidNote, UnicodeDecodeError) as error:
        raise WitnessUnavailable(f"answered no signature of its key: {error}") from error
    return signed


def _size(body: bytes) -> int:
    try:
        return parse_decimal(body.decode().removesuffix("\n"), "size")
    except (InvalidNote, UnicodeDecodeError) as error:
        raise WitnessUnavailable("answered 409 and no size") from error


def _refusal(status: int) -> str:
    reasons = {NOT_FOUND: "does not know this log", FORBIDDEN: "does not know the key of this log"}
    return f"answered {status}: it {reasons[status]}" if status in reasons else f"answered {status}"
