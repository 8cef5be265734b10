"""The intake for secret scanners: what they have found is reported, once they have proved who they are.

The format is that of GitHub's partners (GitHub Docs, "Secret scanning partner program"): a JSON array of what was
found, signed with ECDSA on P-256 over SHA-256. The keys are pinned by the operator, and never fetched.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic_core import from_json

from domain.calls import ApiCalled
from domain.foundation.errors import MissingAuthenticationToken, Refusal, SignatureDoesNotMatch, ValidationError
from domain.foundation.events import Cause
from domain.foundation.identifiers import INSTALLATION, Random, new_uuid
from services.api.contract.question import SERVICE
from services.api.handlers.leak_reports import FoundKey, report_found_keys
from services.api.handlers.requester import Requester
from services.api.server.native_protocol import STATUSES
from services.fair_queue import Overloaded
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates, LedgerUnavailable
from services.ledger.round import Clock
from services.settings import InvalidSetting
from services.wire.call_record import storable_text
from services.wire.errors import RequestEntityTooLarge, ServiceUnavailable, UnknownPath
from services.wire.raw_request import RawRequest
from services.wire.request_pipeline import USER_AGENT_CHARACTERS_MAX, RequestOrigin, Response
from services.wire.submission import commit_and_wait
from services.wire.unauthenticated import UnauthenticatedRecorder

PATH = b"/secret-scanning/github"
OPERATION = "ReportFoundSecrets"
OK = 200
MATCHES_MAX = 1_000
"""Of one report. Counted before it is read, by its opening braces."""
MATCHES_PER_CALL_MAX = 10
"""A round has other calls to decide."""
KEY_IDS_PER_MATCH_MAX = 8
TOKEN_CHARACTERS_MAX = 4_096
TYPE_CHARACTERS_MAX = 200
KEYS_FILE_BYTES_MAX = 1 << 20
SIGNATURE_CHARACTERS_MAX = 200
_KEY_ID = re.compile(r"[A-Za-z0-9_]{16,128}")
"""What an access key id may look like, alone or beside its secret."""
_PIECE = re.compile(r"[A-Za-z0-9/+]{16,}")
"""What may be a secret."""

ScanningKeys = Mapping[str, ec.EllipticCurvePublicKey]
"""By their identifiers."""


class SecretMatch(NamedTuple):
    """One of the things that a scanner has found. It prints as nothing: it has a secret in it, perhaps."""

    token: str
    type: str
    source: str | None
    url: str | None

    def __repr__(self) -> str:
        return "SecretMatch(•••)"

    def found_keys(self, reporter: str) -> list[FoundKey]:
        """All that may be an access key id. What stands beside it goes no further."""
        named = list(dict.fromkeys(_KEY_ID.findall(self.token)))[:KEY_IDS_PER_MATCH_MAX]
        return [FoundKey(each, reporter, self._clean(self.source, each), self._clean(self.url, each)) for each in named]

    def _clean(self, text: str | None, key_id: str) -> str | None:
        """None where it repeats of the token what is not that id: it may be the secret."""
        plain = None if text is None else unquote(text)
        pieces = (each for each in _PIECE.findall(self.token) if each != key_id)
        return None if plain is None or any(each in plain for each in pieces) else text

    def feedback(self, *, known: bool) -> dict[str, str]:
        """As the scanner wants to be told: never the token itself."""
        digest = sha256(self.token.encode("utf-8", "surrogatepass")).hexdigest()
        label = "true_positive" if known else "false_positive"
        return {"token_hash": digest, "token_type": self.type, "label": label}


def load_scanning_keys(path: Path | None) -> ScanningKeys:
    """From the JSON that GitHub serves at https://api.github.com/meta/public_keys/secret_scanning; none without a file.
    Raises InvalidSetting."""
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            keys = json.loads(file.read(KEYS_FILE_BYTES_MAX))["public_keys"]
        found = {each["key_identifier"]: load_pem_public_key(each["key"].encode()) for each in keys}
    except OSError as error:
        raise InvalidSetting(f"MUNIMENT_SECRET_SCANNING_KEYS: {path} cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidSetting(
            f"MUNIMENT_SECRET_SCANNING_KEYS: {path} is not understood: expected JSON with `public_keys`, each with "
            f"`key_identifier` and `key` in PEM ({type(error).__name__})."
        ) from error
    good = {
        name: key
        for name, key in found.items()
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    }
    if not good or len(good) < len(keys):
        raise InvalidSetting(f"MUNIMENT_SECRET_SCANNING_KEYS: {path}: expected keys on P-256, each by its own name.")
    return good


class SecretScanning:
    """One event loop's."""

    def __init__(
        self,
        keys: ScanningKeys,
        committer: Committer,
        unauthenticated: UnauthenticatedRecorder,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self._keys = keys
        self._committer = committer
        self._unauthenticated = unauthenticated
        self._clock = clock
        self._random = random

    async def answer(self, request: RawRequest, origin: RequestOrigin) -> Response:
        """What was proved is reported; what was not is recorded, and does nothing else."""
        request_id = new_uuid(self._random)
        cause = Cause(
            origin="api",
            request_id=request_id,
            shared_id=request_id,
            service=SERVICE,
            operation=OPERATION,
            peer_address=origin.peer_address,
            forwarded_address=origin.forwarded_address,
            user_agent=storable_text((request.header("user-agent") or "")[:USER_AGENT_CHARACTERS_MAX]) or None,
            tls=origin.tls,
        )
        try:
            if request.method != "POST":
                raise UnknownPath("Reports of secret scanners are sent with POST.")
            try:
                key_id = self._proved(request)
            except Refusal as refusal:
                await self._unauthenticated.record(cause, refusal, None, None, self._clock())
                raise
            matches = read_matches(request.body)
            known = [
                each
                for begin in range(0, len(matches), MATCHES_PER_CALL_MAX)
                for each in await self._reported(matches[begin : begin + MATCHES_PER_CALL_MAX], key_id, cause)
            ]
        except Refusal as refusal:
            return _refused(refusal, request_id)
        except (LedgerUnavailable, Overloaded):
            return _refused(ServiceUnavailable("The report cannot be recorded now. Send it again."), request_id)
        told = [match.feedback(known=is_known) for match, is_known in zip(matches, known, strict=True)]
        return Response(OK, json.dumps(told).encode(), request_id, content_type="application/json")

    def _proved(self, request: RawRequest) -> str:
        """The identifier of the key that has signed. Raises MissingAuthenticationToken and SignatureDoesNotMatch."""
        key_id = request.header("github-public-key-identifier")
        signature = request.header("github-public-key-signature")
        if key_id is None or signature is None:
            raise MissingAuthenticationToken(
                "A report is signed: expected Github-Public-Key-Identifier and Github-Public-Key-Signature."
            )
        key = self._keys.get(key_id)
        if key is None:
            raise SignatureDoesNotMatch("The report is signed with a key that is not pinned here.")
        try:
            signed = base64.b64decode(signature[:SIGNATURE_CHARACTERS_MAX], validate=True)
            key.verify(signed, request.body, ec.ECDSA(SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            raise SignatureDoesNotMatch("The signature is not that of this report.") from None
        return key_id

    async def _reported(self, matches: Sequence[SecretMatch], key_id: str, cause: Cause) -> list[bool]:
        """Whether each is a key of an account here. Raises LedgerUnavailable and Overloaded."""
        decide = partial(_decided, matches, key_id, cause, self._random)
        known: list[bool] = (await commit_and_wait(self._committer, frozenset({INSTALLATION}), decide)).result
        return known


def _decided(
    matches: Sequence[SecretMatch], key_id: str, cause: Cause, random: Random, values: LedgerStates, at: datetime
) -> CallResult:
    """In the ledger of each account that a reported key is of. Raises NeedsAccounts."""
    reporter = f"secret scanner {key_id}"
    found = [match.found_keys(reporter) for match in matches]
    every = [each for keys in found for each in keys]
    requester = Requester.operator(values, at, None, random)
    reports, events = report_found_keys(every, INSTALLATION, requester, lambda _account: None, repeats=False)
    called = ApiCalled(read_only=False, parameters={"key_identifier": key_id})
    appends = [LedgerAppend(account_id, cause, [*changes, called]) for account_id, changes in events.items()]
    known = {each.access_key_id for each, report in zip(every, reports, strict=True) if report is not None}
    return CallResult([any(each.access_key_id in known for each in keys) for keys in found], appends)


def read_matches(body: bytes) -> list[SecretMatch]:
    """Raises RequestEntityTooLarge and ValidationError, which repeat nothing of the body."""
    if (matches := body.count(b"{")) > MATCHES_MAX:
        raise RequestEntityTooLarge(f"A report has at most {MATCHES_MAX} matches; got {matches}.")
    try:
        given = from_json(body)
    except ValueError:
        raise ValidationError("The report is no JSON.") from None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ValidationError("A report is a JSON array of objects.")
    return [_match(each) for each in given]


def _match(given: Mapping[str, object]) -> SecretMatch:
    token, kind = given.get("token"), given.get("type")
    if not isinstance(token, str) or not isinstance(kind, str):
        raise ValidationError("Each match has a token and a type.")
    if len(token) > TOKEN_CHARACTERS_MAX or len(kind) > TYPE_CHARACTERS_MAX:
        raise ValidationError(f"A token has at most {TOKEN_CHARACTERS_MAX} characters, a type {TYPE_CHARACTERS_MAX}.")
    source, url = (given.get(name) for name in ("source", "url"))
    return SecretMatch(token, kind, _text(source), _text(url))


def _text(given: object) -> str | None:
    return storable_text(given) if isinstance(given, str) and given else None


def _refused(refusal: Refusal, request_id: str) -> Response:
    error = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
    body = json.dumps({"error": error}).encode()
    return Response(STATUSES[refusal.code], body, request_id, content_type="application/json")
