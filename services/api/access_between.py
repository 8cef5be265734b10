"""Who could, and what somebody held, between two moments: intervals, each opened and closed by a named event."""

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping

from domain.account import Account
from domain.authorization import ASSUME_ROLE
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Entry
from domain.foundation.intervals import Interval, IntervalBound, IntervalsResult, intervals
from domain.policy import Layer, Possibility
from domain.queries.access import find_role
from domain.queries.access_between import (
    AccessInquiry,
    ActionInquiry,
    AssumeRoleInquiry,
    PrincipalKey,
    TimedAccess,
    access_between,
    accounts_ever_trusted,
    is_same_access,
    merge_ledgers,
)
from domain.queries.held_between import HeldDocument, HolderNoun, Holding, find_holders, held_between
from projections.queries.ledger_positions import AsOf, position_at
from services.api.access import (
    Action,
    PrincipalAccess,
    refuse_foreign_role,
    refuse_unknown_action,
    visible_trusted_accounts,
)
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.question import ResourceText, Text
from services.api.time_span import WORK_MAX, Occurrence, SpanPage, SpanQuestion, TimeSpan, stop_moment


class AccessInterval(Answer):
    """That one principal's access was so from one end to the other."""

    opened: Occurrence | None
    """Null: it was so when the span began."""
    closed: Occurrence | None
    """Null: it was so when the span ended, or where the question stopped."""
    principal: PrincipalAccess
    complete: bool
    """False where a condition compares the text of the time with a pattern or a variable: what it changes between two
    events is then not told."""

    @classmethod
    def of(cls, interval: Interval[PrincipalKey, TimedAccess], action: str) -> "AccessInterval":
        return cls(
            opened=_occurrence(interval.opened),
            closed=_occurrence(interval.closed),
            principal=PrincipalAccess.of(interval.value.access, action),
            complete=interval.value.complete,
        )


class AccessIntervalsPage(SpanPage):
    unseen: tuple[str, ...] = ()
    """Accounts that a trust policy named, and into which whoever asks does not see: of their principals nothing is
    told. `*` where it named everybody, and there are such."""
    intervals: tuple[AccessInterval, ...]


class HeldInterval(Answer):
    """That a policy counted for somebody, with this text, from one end to the other."""

    opened: Occurrence | None
    """Null: it was so when the span began."""
    closed: Occurrence | None
    """Null: it was so when the span ended, or where the question stopped."""
    kind: HolderNoun
    entity_id: str
    """Of whoever was called as was asked."""
    layer: Layer
    place: str
    """The unique id of who holds it, a group perhaps; of an organisation's policies the level."""
    through: str | None
    """What the group or the level is called; null of what is the entity's own."""
    source_type: str
    source_id: str
    version_id: str | None
    sha256: str
    document: str

    @classmethod
    def of(cls, interval: Interval[Holding, HeldDocument]) -> "HeldInterval":
        holding, text = interval.key, interval.value
        return cls(
            opened=_occurrence(interval.opened),
            closed=_occurrence(interval.closed),
            kind=holding.kind,
            entity_id=holding.entity_id,
            layer=holding.layer,
            place=holding.place,
            through=text.through,
            source_type=holding.source_type,
            source_id=holding.source_id,
            version_id=text.version_id,
            sha256=text.sha256,
            document=text.document,
        )


class HeldIntervalsPage(SpanPage):
    intervals: tuple[HeldInterval, ...]


def _occurrence(end: IntervalBound | None) -> Occurrence | None:
    return None if end is None else Occurrence.of(end)


class _AccessBetweenQuestion(SpanQuestion[AccessIntervalsPage], ABC):
    everybody: bool = False
    """Whether those intervals are told too in which somebody could not."""

    def page(
        self,
        reader: AnswerContext,
        owner_id: str,
        span: TimeSpan,
        found: IntervalsResult[PrincipalKey, TimedAccess],
        action: str,
        unseen: tuple[str, ...] = (),
    ) -> AccessIntervalsPage:
        wanted = [
            interval
            for interval in found.intervals
            if self.everybody or interval.value.access.possible.possibility is not Possibility.IMPOSSIBLE
        ]
        ends_at = self.begins_at + self.limit
        return AccessIntervalsPage(
            account_id=owner_id,
            limit=self.limit,
            marker=self.following(ends_at, span) if len(wanted) > ends_at else None,
            since=span.since,
            until=span.until,
            stopped_at=stop_moment(reader.cursor, owner_id, found.stopped_at),
            unseen=unseen,
            intervals=tuple(AccessInterval.of(interval, action) for interval in wanted[self.begins_at : ends_at]),
        )

    @classmethod
    def read(cls, body: bytes) -> AccessIntervalsPage:
        return AccessIntervalsPage.model_validate_json(body)


class WhoCould(_AccessBetweenQuestion):
    """Every principal of the account that could do an action to a resource, from when to when, and who made it so."""

    path = "/v1/who-could"
    resource = "who-can"

    action: Action
    on: ResourceText
    """An ARN, or * where the action is about no single resource."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> AccessIntervalsPage:
        refuse_unknown_action(self.action)
        refuse_foreign_role(account_id, self.action, self.on)
        span = self.span(reader.cursor, account_id, as_of)
        changes = reader.changes(account_id, after=span.since.position, to=span.until.position)
        values = {account_id: reader.account(account_id, span.since.position)}
        found = _access(ActionInquiry(account_id, self.action, self.on), values, span, changes)
        return self.page(reader, account_id, span, found, self.action)


class CouldAssume(_AccessBetweenQuestion):
    """Everybody who could assume the role that had the name at each moment, from when to when: of its account, and of
    the accounts that its trust policies named, or of all where they named everybody; as far as whoever asks sees into
    them now."""

    path = "/v1/could-assume/{role}"
    resource = "can-assume"

    role: Text
    """Name or ARN."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> AccessIntervalsPage:
        span = self.span(reader.cursor, account_id, as_of)
        owner = reader.account(account_id, span.since.position)
        own = list(_until_stopped(reader.changes(account_id, after=span.since.position, to=span.until.position)))
        trusted = accounts_ever_trusted(owner, self.role, own)
        seen, unseen = visible_trusted_accounts(reader, account_id, trusted, as_of.now)
        positions = {
            other_id: tuple(position_at(reader.cursor, other_id, moment.at) for moment in span) for other_id in seen
        }
        values = {account_id: owner} | {
            other_id: reader.account(other_id, first) for other_id, (first, _) in positions.items()
        }
        changes = merge_ledgers(
            own, *(reader.changes(other_id, after=first, to=last) for other_id, (first, last) in positions.items())
        )
        found = _access(AssumeRoleInquiry(account_id, self.role), values, span, changes)
        if not found.intervals and not self._was_called(reader, account_id, span):
            raise NoSuchEntity(f"No role was called {self.role} in the span.")
        return self.page(reader, account_id, span, found, ASSUME_ROLE, unseen)

    def _was_called(self, reader: AnswerContext, account_id: str, span: TimeSpan) -> bool:
        return any(find_role(reader.account(account_id, moment.position), self.role) for moment in span)


class ListHeldPolicies(SpanQuestion[HeldIntervalsPage]):
    """The policies that counted for a user, group or role, from when to when, and who made it so."""

    path = "/v1/permissions/{principal}/held"
    resource = "permissions"

    principal: Text
    """A name or ARN is whoever was called so at each moment; a unique id follows through renames."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> HeldIntervalsPage:
        span = self.span(reader.cursor, account_id, as_of)
        changes = reader.changes(account_id, after=span.since.position, to=span.until.position)
        account = reader.account(account_id, span.since.position)
        found = intervals(held_between(account, span.since.at, changes, self.principal), WORK_MAX)
        values = (reader.account(account_id, moment.position) for moment in span)
        if not found.intervals and not any(find_holders(value, self.principal) for value in values):
            raise NoSuchEntity(f"No user, group or role was called {self.principal} in the span, or it held nothing.")
        ends_at = self.begins_at + self.limit
        return HeldIntervalsPage(
            account_id=account_id,
            limit=self.limit,
            marker=self.following(ends_at, span) if len(found.intervals) > ends_at else None,
            since=span.since,
            until=span.until,
            stopped_at=stop_moment(reader.cursor, account_id, found.stopped_at),
            intervals=tuple(map(HeldInterval.of, found.intervals[self.begins_at : ends_at])),
        )

    @classmethod
    def read(cls, body: bytes) -> HeldIntervalsPage:
        return HeldIntervalsPage.model_validate_json(body)


def _access(
    inquiry: AccessInquiry, values: Mapping[str, Account], span: TimeSpan, changes: Iterable[Entry]
) -> IntervalsResult[PrincipalKey, TimedAccess]:
    steps = access_between(inquiry, values, span.since.at, changes, span.until.at)
    return intervals(steps, WORK_MAX, is_same_access)


def _until_stopped(changes: Iterable[Entry]) -> Iterator[Entry]:
    """As many as the work that is allowed can take, and the one that shows where it stops."""
    at = None
    for number, change in enumerate(changes):
        yield change
        if number >= WORK_MAX and change.at != at:
            return
        at = change.at
