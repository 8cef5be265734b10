"""Trails: begun, their log files, their digests, and the keys that sign these (docs/adr/0068)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, partial
from typing import NamedTuple

from domain.account import Account
from domain.call_context import requested_region
from domain.calls import NeedsFacts, NewSecret, Outcome
from domain.families.trails import (
    TRAIL_KEYS,
    NewTrailKeyFacts,
    NewTrailKeyQuery,
    Trail,
    TrailKeyCreated,
    TrailKeysFacts,
    TrailKeysQuery,
)
from domain.foundation.errors import Throttling, ValidationError
from domain.foundation.identifiers import arn
from domain.foundation.moments import NamedMoment, format_rfc3339
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules.trails import (
    HOUR,
    begin_trail,
    create_trail_key,
    find_trail,
    hour_of,
    key_of_hour,
    keys_between,
    whole_hour,
)
from projections.queries.history import is_assumed_root
from projections.queries.ledger_positions import position_before
from services.api.contract.page_markers import make_marker
from services.api.contract.trails import (
    BeginTrail,
    ListTrailFiles,
    RotatedTrailKey,
    RotateTrailKey,
    SignTrailDigests,
    TrailDetails,
    TrailDigest,
    TrailDigests,
    TrailFile,
    TrailFiles,
)
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.trail_files.digests import ChainEnd, is_own_end, sign_digest
from services.trail_files.known_hours import KnownHour, KnownHours
from services.trail_files.log_files import SLOT, FileStart, LedgerSpan, LogFile, TrailPlace, log_files

CLOUDTRAIL = "cloudtrail"
PAGE_BYTES_MAX = 4 * 1_048_576
"""Of the texts of files on a page, but for its last file."""
DIGESTS_A_PAGE, RECORDS_A_PAGE = 168, 50_000
"""Digests are made until there are so many, or so many records were read for them, in some seconds."""
KNOWN = KnownHours()
_CHANGING = Throttling("The keys of trails are being changed too often.")


@decides(BeginTrail)
def decide_begin_trail(question: BeginTrail, account: Account, requester: Requester) -> Outcome:
    """Raises ValidationError and LimitExceeded."""
    assert account.created_at is not None
    since = account.created_at if question.since is None else _time(question.since, requester.at)
    begun = begin_trail(
        account,
        name=question.name,
        bucket=question.bucket,
        prefix=question.prefix,
        begins_at=max(hour_of(since), hour_of(account.created_at)),
    )
    events = [] if begun is None else [begun]
    if account[TRAIL_KEYS]:
        return Outcome(lambda _after: {}, events)
    created, sealed = _new_key(account, requester)
    return Outcome(lambda _after: {}, [created, *events], new_secrets=[sealed])


@handles(BeginTrail)
def answer_begin_trail(question: BeginTrail, context: AnswerContext) -> TrailDetails:
    asked = _Asked.of(question.name, context)
    trail, place = asked.trail, asked.place
    return TrailDetails(
        account_id=context.account_id,
        name=trail.name,
        trail_arn=arn(place.partition, CLOUDTRAIL, context.account_id, f"trail/{trail.name}", place.region),
        region=place.region,
        bucket=trail.bucket,
        prefix=trail.prefix,
        begins_at=trail.begins_at,
        closed_until=hour_of(context.as_of.now),
        fingerprints=tuple(key.fingerprint for key in asked.account[TRAIL_KEYS]),
    )


@decides(RotateTrailKey)
def decide_rotate_trail_key(_question: RotateTrailKey, account: Account, requester: Requester) -> Outcome:
    """Raises LimitExceeded."""
    created, sealed = _new_key(account, requester)
    return Outcome(lambda _after: {"fingerprint": created.fingerprint}, [created], new_secrets=[sealed])


@handles(RotateTrailKey)
def answer_rotate_trail_key(_question: RotateTrailKey, context: AnswerContext) -> RotatedTrailKey:
    return RotatedTrailKey.of_row((context.account_id, context.decided.told["fingerprint"]))


@handles(ListTrailFiles)
def answer_list_trail_files(question: ListTrailFiles, context: AnswerContext) -> TrailFiles:
    asked = _Asked.of(question.name, context)
    since, until = asked.hours(question.since, question.until)
    start = None
    if question.place is not None:
        after, slot, part = question.place
        if not _slot_number(since) <= slot < _slot_number(until):
            raise ValidationError("The marker is not one that ListTrailFiles has given for this span.")
        start = FileStart(after, _slot(slot), part)
        since = hour_of(start.slot)
    found, size, following = list[TrailFile](), 0, None
    for file in asked.files(since, until, start):
        sha256 = file.hashed.sha256
        found.append(TrailFile(key=file.key, sha256=sha256, records=file.records, text=file.content.decode()))
        size += len(file.content)
        if len(found) == question.limit or size > PAGE_BYTES_MAX:
            following = make_marker("ListTrailFiles", file.position, _slot_number(file.slot), file.part + 1)
            break
    return TrailFiles(account_id=context.account_id, limit=question.limit, marker=following, files=tuple(found))


@decides(SignTrailDigests)
def decide_sign_trail_digests(question: SignTrailDigests, account: Account, requester: Requester) -> Outcome:
    """Raises NoSuchEntity, NeedsFacts and ValidationError."""
    find_trail(account, question.name)
    since, until = (_time(each, requester.at) for each in (question.since, question.until))
    keys = keys_between(account[TRAIL_KEYS], since, until)
    wanted = TrailKeysQuery(frozenset(key.fingerprint for key, _ in keys))
    facts = requester.facts
    if not isinstance(facts, TrailKeysFacts) or not facts.private_keys.keys() >= wanted.fingerprints:
        raise NeedsFacts(wanted, unsettled=_CHANGING)
    return Outcome(lambda _after: {"keys": facts.private_keys})


@handles(SignTrailDigests)
def answer_sign_trail_digests(question: SignTrailDigests, context: AnswerContext) -> TrailDigests:
    """Nothing that a client sends is signed: what files there are, what is in them and what they are called, follows
    from the ledger, and the digest before was signed here itself. Raises ValidationError."""
    asked = _Asked.of(question.name, context)
    since, until = asked.hours(question.since, question.until)
    former, keys = asked.former(question, since), asked.account[TRAIL_KEYS]
    private_keys = context.decided.told["keys"]
    assert isinstance(private_keys, dict)
    signed, records, ends_at = list[TrailDigest](), 0, since
    while ends_at < until and len(signed) < DIGESTS_A_PAGE:
        hour = asked.known(ends_at)
        for file in () if hour.following is None else asked.files(ends_at, ends_at + HOUR, hour.following):
            if (records := records + file.records) > RECORDS_A_PAGE:
                break
        if hour.following is not None:
            break
        ends_at += HOUR
        key = key_of_hour(keys, ends_at)
        secret = private_keys[key.fingerprint]
        assert isinstance(secret, Secret)
        digest = sign_digest(asked.place, asked.trail.name, ends_at, hour.files, former, (key, secret))
        former = digest.end
        row = digest.key, digest.ends_at, former.sha256, digest.content.decode(), digest.signature
        signed.append(TrailDigest.of_row(row))
    return TrailDigests(account_id=context.account_id, digests=tuple(signed))


class _Asked(NamedTuple):
    """A trail, in what it is asked."""

    context: AnswerContext
    account: Account
    trail: Trail
    place: TrailPlace

    @classmethod
    def of(cls, name: str, context: AnswerContext) -> "_Asked":
        """Raises NoSuchEntity."""
        account = context.own(context.as_of.position or 0)
        trail = find_trail(account, name)
        region = requested_region(account.partition, "iam", None)
        assert region is not None
        place = TrailPlace(account.id, account.partition, region, trail.bucket, trail.prefix)
        return cls(context, account, trail, place)

    def hours(self, first: NamedMoment, last: NamedMoment) -> tuple[datetime, datetime]:
        """Raises ValidationError for what are no whole hours, or none of the trail, or not over. What is over has no
        further entries: the call that asks stands behind it, and in a ledger time never goes back."""
        now = self.context.as_of.now
        since, until = (whole_hour(_time(each, now)) for each in (first, last))
        if not self.trail.begins_at <= since <= until:
            raise ValidationError(
                f"The trail {self.trail.name} begins at {format_rfc3339(self.trail.begins_at)}; got a span from "
                f"{format_rfc3339(since)} to {format_rfc3339(until)}."
            )
        return since, until

    def former(self, question: SignTrailDigests, since: datetime) -> ChainEnd | None:
        """The digest of the hour before. Raises ValidationError where it is not named, or was not signed here."""
        is_first = since == self.trail.begins_at
        if question.former_sha256 is None or question.former_signature is None:
            if is_first:
                return None
            raise ValidationError(
                f"The digest of the hour before {format_rfc3339(since)} has to be named: the first of the trail "
                f"{self.trail.name} is that of {format_rfc3339(self.trail.begins_at)}."
            )
        end = ChainEnd(question.former_sha256, question.former_signature)
        key = key_of_hour(self.account[TRAIL_KEYS], since)
        before = question.signature_before
        if is_first or not is_own_end(self.place, self.trail.name, since, end, before, key):
            raise ValidationError(
                f"The digest that was named was not signed here as that of the hour before {format_rfc3339(since)}."
            )
        return end

    def files(self, since: datetime, until: datetime, start: FileStart | None = None) -> Iterator[LogFile]:
        """Those of whole hours from `start` on, which lies in the first of them, or from its beginning."""
        context = self.context
        of_root = cache(partial(is_assumed_root, context.cursor, context.account_id))
        while since < until:
            hour, start = self.known(since), start or self._start(since)
            to = position_before(context.cursor, context.account_id, since + HOUR)
            span = LedgerSpan(context.cursor, context.past.mapper, context.account_id, to)
            for file in log_files(self.place, span, start, of_root):
                hour.note(start, file)
                yield file
                start = file.following
            hour.note(start, None)
            since, start = since + HOUR, None

    def known(self, since: datetime) -> KnownHour:
        """The hour that begins then."""
        return KNOWN.hour(self.account.ledger_id, self.place, since, self._start(since))

    def _start(self, since: datetime) -> FileStart:
        return FileStart(position_before(self.context.cursor, self.context.account_id, since), since, 0)


def _new_key(account: Account, requester: Requester) -> tuple[TrailKeyCreated, NewSecret]:
    """Raises NeedsFacts and LimitExceeded."""
    made = requester.facts
    if not isinstance(made, NewTrailKeyFacts):
        raise NeedsFacts(NewTrailKeyQuery(), unsettled=_CHANGING)
    secret_id = SecretId(SecretKind.TRAIL_KEY, made.fingerprint)
    return create_trail_key(account, made), NewSecret(secret_id, account.id, made.private_key)


def _time(moment: NamedMoment, now: datetime) -> datetime:
    """Raises ValidationError for a position, and for what has not come yet."""
    if moment.is_now:
        return now
    at = moment.as_of(now).at
    if at is None:
        raise ValidationError(f"Expected a time, such as 2026-01-31T12:00:00Z; got {moment}.")
    return at


def _slot_number(slot: datetime) -> int:
    return int(slot.timestamp()) // int(SLOT.total_seconds())


def _slot(number: int) -> datetime:
    return datetime.fromtimestamp(number * SLOT.total_seconds(), UTC)
