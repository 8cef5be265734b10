"""Codes of virtual MFA devices: time-based one-time passwords of six digits (RFC 6238, with HMAC-SHA-1)."""

import base64
import hmac

from domain.families.mfa_devices import MFACodeFacts, MFACodeQuery
from domain.foundation.secret import Secret

DIGITS = 6


def found(wanted: MFACodeQuery, seed: Secret | None) -> MFACodeFacts:
    """Of which steps the codes are; of none where the seed is gone. Each step is compared, whichever matches."""
    if seed is None:
        return MFACodeFacts(wanted.seed_id, wanted.steps, ())
    key, codes = base64.b32decode(seed.reveal()), [code.reveal() for code in wanted.codes]
    before = len(codes) - 1
    first = max(wanted.steps[0] - before, 0)
    shown = {step: code_at(key, step) for step in range(first, wanted.steps[-1] + 1)}
    last = [step for step in wanted.steps if step - before >= first]
    matching = tuple(step for step in last if _equal(codes, [shown[step - before + i] for i in range(len(codes))]))
    return MFACodeFacts(wanted.seed_id, wanted.steps, matching)


def code_at(key: bytes, step: int) -> str:
    """RFC 4226, section 5.3, of the step's number."""
    digest = hmac.digest(key, step.to_bytes(8), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def _equal(codes: list[str], shown: list[str]) -> bool:
    return hmac.compare_digest("".join(codes).encode(), "".join(shown).encode())
