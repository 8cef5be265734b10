"""Proofs from the logs' tiles, as text that others' software verifies."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.log_proofs import LogProof
from domain.evidence.signed_notes import parse_note
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.foundation.moments import AsOf
from projections.queries.ledger_positions import position_at, resolve_in_ledger
from services.api.contract.evidence import (
    GetLongText,
    GetTransparencyLog,
    LocatedEntries,
    LocateEntries,
    LongText,
    ProvedEntries,
    ProvedEntry,
    ProveEntries,
    ProveEntry,
    PublishedAccountHead,
    TransparencyLog,
)
from services.api.handlers.handler import AnswerContext, handles
from services.ledger.long_texts import get_texts
from services.transparency.head_log import account_origin, newest_checkpoint
from services.transparency.log_keys import LogKeys
from services.transparency.proofs import (
    NoSuchEntry,
    NotPublished,
    PublishedHead,
    prove_entries,
    prove_entry,
    published_size,
    read_entries,
)
from services.wire.errors import ServiceUnavailable

MICROSECOND = timedelta(microseconds=1)
"""As exactly as the ledger keeps time."""
ENTRIES_BYTES_MAX = 4 << 20
"""In an answer. One is always there."""


@handles(GetTransparencyLog)
def answer_get_transparency_log(_question: GetTransparencyLog, context: AnswerContext) -> TransparencyLog:
    keys, newest = _keys(context), newest_checkpoint(context.cursor)
    own = account_origin(keys.origin, context.account_id)
    return TransparencyLog(
        account_id=context.account_id,
        origin=keys.origin,
        verifier_keys=keys.verifier_keys,
        account_origin=own,
        account_verifier_keys=tuple(str(key.verifier) for key in keys.named(own)),
        checkpoint=None if newest is None else newest.note,
    )


@handles(ProveEntry)
def answer_prove_entry(question: ProveEntry, context: AnswerContext) -> ProvedEntry:
    """Raises NoSuchEntity, and ServiceUnavailable before the next checkpoint."""
    keys = _keys(context)
    try:
        proved = prove_entry(context.cursor, context.account_id, question.position)
    except NoSuchEntry as error:
        raise NoSuchEntity(str(error)) from error
    except NotPublished as error:
        raise ServiceUnavailable(str(error)) from error
    head = _head(keys, proved.head)
    return ProvedEntry(
        account_id=context.account_id,
        position=proved.position,
        entry=proved.entry.decode(),
        proof=str(LogProof(proved.position - 1, proved.proof, parse_note(head.checkpoint.encode()))),
        head=head,
    )


@handles(ProveEntries)
def answer_prove_entries(question: ProveEntries, context: AnswerContext) -> ProvedEntries:
    """Raises NoSuchEntity, and ServiceUnavailable before the next checkpoint."""
    keys = _keys(context)
    # What is there and not published yet is there in a second: who asks for all is answered as far as it goes.
    published = max(question.first, published_size(context.cursor, context.account_id))
    to = min(question.last, question.first + question.limit - 1, published)
    entries = read_entries(context.cursor, context.account_id, question.first, to, ENTRIES_BYTES_MAX)
    if not entries:
        raise NoSuchEntity(f"Account {context.account_id} has no entry at position {question.first}.")
    last = question.first + len(entries) - 1
    try:
        proved = prove_entries(context.cursor, context.account_id, question.first, last)
    except NotPublished as error:
        raise ServiceUnavailable(str(error)) from error
    return ProvedEntries(
        account_id=context.account_id,
        first=question.first,
        last=last,
        entries=tuple(entry.decode() for entry in entries),
        before=_base64(proved.before.hashes),
        consistency=_base64(proved.consistency),
        head=_head(keys, proved.head),
    )


@handles(LocateEntries)
def answer_locate_entries(question: LocateEntries, context: AnswerContext) -> LocatedEntries:
    """Raises ValidationError for a period that ends before it begins, and for a position that is not there."""
    asked_at = context.as_of.now
    since = _time(context, question.since.as_of(asked_at))
    until = asked_at if question.until is None else _time(context, question.until.as_of_end(asked_at))
    if until < since:
        raise ValidationError(f"The period ends before it begins: {question.since}, {question.until}.")
    before = position_at(context.cursor, context.account_id, since - MICROSECOND)
    last = position_at(context.cursor, context.account_id, until)
    return LocatedEntries(account_id=context.account_id, since=since, until=until, first=before + 1, last=last)


def _time(context: AnswerContext, as_of: AsOf) -> datetime:
    """Raises ValidationError."""
    return resolve_in_ledger(context.cursor, context.account_id, as_of).at


@handles(GetLongText)
def answer_get_long_text(question: GetLongText, context: AnswerContext) -> LongText:
    """Raises NoSuchEntity."""
    try:
        found = get_texts(context.cursor, context.account_id, {question.sha256})
    except LookupError:
        raise NoSuchEntity(f"No text of account {context.account_id} has the SHA-256 {question.sha256}.") from None
    text = found.by_sha256[question.sha256]
    return LongText(account_id=context.account_id, sha256=question.sha256, text=text)


def _head(keys: LogKeys, head: PublishedHead) -> PublishedAccountHead:
    """With the account's checkpoint signed: what stands in the log of heads already."""
    return PublishedAccountHead(
        checkpoint=keys.sign(parse_checkpoint(head.entry)),
        heads_entry=head.entry,
        heads_proof=str(LogProof(head.index, head.proof, parse_note(head.checkpoint.note.encode()))),
    )


def _keys(context: AnswerContext) -> LogKeys:
    """Raises ServiceUnavailable."""
    if context.log_keys is None:
        raise ServiceUnavailable("This process signs no checkpoints: ask a server.")
    return context.log_keys


def _base64(hashes: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(b64encode(each).decode() for each in hashes)
