"""Native questions about access, answered from accounts as their ledgers fold: who can, and who can assume."""

from abc import ABC
from collections.abc import Collection, Iterable
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Literal

from pydantic import StringConstraints

from domain.account import Account
from domain.authorization import ASSUME_ROLE
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import account_of_arn
from domain.foundation.moments import AsOf
from domain.policy import Effect, Possibility, Result, reason
from domain.queries.access import Access, can_assume, find_role, trusted_accounts, who_can
from projections.queries.ledger_positions import list_account_ids, position_at, resolve_in_ledger
from services.api.answer_context import AnswerContext
from services.api.answers import Answer, Page
from services.api.lineage import AccountVisibility
from services.api.page_markers import make_marker
from services.api.question import PagedHistoricalQuestion, ResourceText, Text, with_pattern
from services.api.reach import StatementName

_ACTION = r"^[A-Za-z0-9-]+:[A-Za-z0-9]+$"
Action = Annotated[
    str,
    StringConstraints(max_length=128, pattern=_ACTION),
    with_pattern(_ACTION, "An action is service:Action, such as iam:CreateUser"),
]


class Dependence(Answer):
    """A statement that applies to some calls of this principal and not to others."""

    statement: StatementName
    conditions: tuple[str, ...]
    """Which decide it, such as `IpAddress aws:SourceIp`."""


class PrincipalAccess(Answer):
    kind: Literal["root", "user", "role", "service", "federated"]
    account_id: str | None
    entity_id: str
    arn: str
    access: Literal["allowed", "conditional", "denied"]
    reason: str
    """In AWS's words where nothing allows, or something denies."""
    statements: tuple[StatementName, ...]
    """Those that apply; of conditional access, at best."""
    depends_on: tuple[Dependence, ...]

    @classmethod
    def of(cls, found: Access, action: str) -> "PrincipalAccess":
        decision = found.possible.decision
        names = tuple(StatementName.of(match.layer, match.sourced, match.statement) for match in decision.matched)
        depends = tuple(
            Dependence(statement=StatementName.of(each.layer, each.sourced, each.statement), conditions=each.unmet)
            for each in found.possible.depends_on
        )
        if decision.result is Result.ALLOWED:
            by = next(name for name in names if name.effect is Effect.ALLOW and name.layer is decision.layer)
            told = f"allowed by {by.source_type} {by.source_id}, statement {by.sid or by.index}"
            if by.source_type == "root":
                told = "allowed to the root user, as long as no organisation forbids it"
        else:
            told = reason(decision, action)
        return cls.model_validate(
            {
                "kind": found.kind,
                "account_id": found.account_id,
                "entity_id": found.entity_id,
                "arn": found.arn,
                "access": found.possible.possibility.value,
                "reason": told,
                "statements": names,
                "depends_on": depends,
            }
        )


class PrincipalsPage(Page):
    position: int
    """As of which this is so."""
    unseen: tuple[str, ...] = ()
    """Accounts that a trust policy names, and into which whoever asks does not see: of their principals nothing is
    told. `*` where it names everybody, and there are such."""
    principals: tuple[PrincipalAccess, ...]


class _AccessQuestion(PagedHistoricalQuestion[PrincipalsPage], ABC):
    everybody: bool = False
    """Whether those are told too who cannot."""

    def page(
        self, account: Account, found: Iterable[Access], action: str, unseen: tuple[str, ...] = ()
    ) -> PrincipalsPage:
        """The place is the number of those who came before: the answer about a moment never changes."""
        (after,) = self.place or (0,)
        wanted = (
            access for access in found if self.everybody or access.possible.possibility is not Possibility.IMPOSSIBLE
        )
        shown = list(islice(wanted, after, after + self.limit + 1))
        following = make_marker(type(self).__name__, after + self.limit) if len(shown) > self.limit else None
        return PrincipalsPage(
            account_id=account.id,
            limit=self.limit,
            marker=following,
            position=account.position,
            unseen=unseen,
            principals=tuple(PrincipalAccess.of(access, action) for access in shown[: self.limit]),
        )

    @classmethod
    def read(cls, body: bytes) -> PrincipalsPage:
        return PrincipalsPage.model_validate_json(body)


class WhoCan(_AccessQuestion):
    """Every principal of the account that may do an action to a resource, with the statements that say so."""

    path = "/v1/who-can"
    resource = "who-can"

    action: Action
    on: ResourceText
    """An ARN, or * where the action is about no single resource."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> PrincipalsPage:
        refuse_unknown_action(self.action)
        refuse_foreign_role(account_id, self.action, self.on)
        moment = resolve_in_ledger(reader.cursor, account_id, as_of)
        account = reader.account(account_id, moment.position)
        return self.page(account, who_can(account, self.action, self.on, moment.at), self.action)


def refuse_unknown_action(action: str) -> None:
    """Whoever may do everything may do an action that there is not, too, which answers nothing. Raises InvalidInput,
    but not for a service that the catalogue does not know: it may be one of the account's own."""
    # The catalogue knows the native questions, of which two ask this.
    from services.action_catalogue import CATALOGUE  # noqa: PLC0415

    prefix, _, name = action.partition(":")
    service = CATALOGUE.service(prefix.lower())
    if service is None or name.lower() in service.actions:
        return
    near = [
        f"{service.prefix}:{service.actions[each].name}" for each in get_close_matches(name.lower(), service.actions)
    ]
    raise InvalidInput(
        f"{action} is no action of the action catalogue, version {CATALOGUE.version}; "
        + (f"the nearest are {', '.join(near)}." if near else f"and none of {service.prefix} has a similar name.")
    )


def refuse_foreign_role(account_id: str, action: str, on: str) -> None:
    """Half an answer would pass for a whole one: the role's own account has its trust policy. Raises InvalidInput."""
    owner = account_of_arn(on)
    if action.lower() == ASSUME_ROLE.lower() and owner not in {None, account_id}:
        raise InvalidInput(f"The role is in the account {owner}: ask there who can assume it.")


def visible_trusted_accounts(
    reader: AnswerContext, account_id: str, trusted: Collection[str] | None, now: datetime
) -> tuple[list[str], tuple[str, ...]]:
    """Of the accounts that are trusted, None for all, those besides the role's own that whoever asks sees into; and how
    the others are told. An account has nothing to say about another one's principals."""
    sight = AccountVisibility(reader, account_id, now)
    named = list_account_ids(reader.cursor) if trusted is None else sorted(trusted)
    seen = [other_id for other_id in named if other_id != account_id and sight(other_id)]
    # Which accounts there are is nobody's business either.
    return seen, tuple(sight.obstacles) if trusted is not None else tuple({"*" for _ in sight.obstacles})


class CanAssume(_AccessQuestion):
    """Everybody who may assume a role: of its account, and of the accounts that its trust policy names, or of all where
    it names everybody; as far as whoever asks sees into them."""

    path = "/v1/can-assume/{role}"
    resource = "can-assume"

    role: Text
    """Name or ARN."""

    def answered(self, reader: AnswerContext, account_id: str, as_of: AsOf) -> PrincipalsPage:
        moment = resolve_in_ledger(reader.cursor, account_id, as_of)
        account = reader.account(account_id, moment.position)
        role = find_role(account, self.role)
        if role is None:
            raise NoSuchEntity(f"No role was called {self.role} at position {moment.position}.")
        seen, unseen = visible_trusted_accounts(reader, account_id, trusted_accounts(role), as_of.now)
        others = [reader.account(other_id, position_at(reader.cursor, other_id, moment.at)) for other_id in seen]
        found = can_assume(account, role, [other for other in others if other.exists], moment.at)
        return self.page(account, found, ASSUME_ROLE, unseen)
