"""Native questions about access, answered from accounts as their ledgers fold: who can, and who can assume."""

from collections.abc import Iterable
from itertools import islice

from domain.account import Account
from domain.authorization import ASSUME_ROLE, is_of_role
from domain.families.aws_managed_policies import find_policy
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import account_of_arn, arn
from domain.foundation.nearest import close_to
from domain.policy import Effect, PolicyType, Possibility, Result, reason
from domain.policy.saving import unfit_resource
from domain.queries.access import Access, admitted_of, can_assume, trusted_accounts, who_can
from domain.queries.named import find_role
from projections.queries.bearers import HOLDERS, When, bearers, no_bearer, only_bearer
from projections.queries.entity_names import own_resource
from projections.queries.ledger_positions import position_at, resolve_in_ledger
from services.api.action_catalogue import CATALOGUE, OWN_SERVICES
from services.api.contract.access import CanAssume, Dependence, PrincipalAccess, PrincipalsPage, WhoCan
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.statements import statement_name
from services.api.handlers.visibility import visible_trusted_accounts

KINDS = (*HOLDERS, "policy")
"""Of resources that an account has entities of."""
NEAREST_ACTIONS_MAX = 3


def principal_access(found: Access, action: str) -> PrincipalAccess:
    decision = found.possible.decision
    names = tuple(statement_name(match.layer, match.sourced, match.statement) for match in decision.matched)
    depends = tuple(
        Dependence(statement=statement_name(each.layer, each.sourced, each.statement), conditions=each.unmet)
        for each in found.possible.depends_on
    )
    if decision.result is Result.ALLOWED and not names:
        why = "allowed to everybody: no policy is asked"
    elif decision.result is Result.ALLOWED:
        by = next(name for name in names if name.effect is Effect.ALLOW and name.layer is decision.layer)
        why = f"allowed by {by.policy}, statement {by.sid or by.index}"
        if by.source_type == "root":
            why = "allowed to the root user, unless an organization forbids it"
    else:
        why = reason(decision, action)
    return PrincipalAccess.model_validate(
        {
            "kind": found.kind,
            "account_id": found.account_id,
            "entity_id": found.entity_id,
            "arn": found.arn,
            "access": found.possible.possibility.value,
            "reason": why,
            "statements": names,
            "depends_on": depends,
        }
    )


def _page(
    question: WhoCan | CanAssume,
    account: Account,
    found: Iterable[Access],
    action: str,
    unseen: tuple[str, ...] = (),
    admitted: tuple[str, ...] = (),
) -> PrincipalsPage:
    """The place is the number of those who came before: the answer about a moment never changes."""
    (after,) = question.place or (0,)
    wanted = (each for each in found if question.everybody or each.possible.possibility is not Possibility.IMPOSSIBLE)
    shown = list(islice(wanted, after, after + question.limit + 1))
    following = make_marker(type(question).__name__, after + question.limit) if len(shown) > question.limit else None
    return PrincipalsPage(
        account_id=account.id,
        limit=question.limit,
        marker=following,
        position=account.position,
        unseen=unseen,
        admitted=admitted,
        principals=tuple(principal_access(access, action) for access in shown[: question.limit]),
    )


@handles(WhoCan)
def answer_who_can(question: WhoCan, context: AnswerContext) -> PrincipalsPage:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    account = context.own(moment.position)
    action = named_action(question.action)
    on = named_resource(context, question.on, action, When.at(moment.position))
    refuse_foreign_role(context.account_id, action, on)
    return _page(question, account, who_can(account, action, on, moment.at), action)


def named_action(given: str) -> str:
    """With its service, of which one without is of those that are answered here. Whoever may do everything may do an
    action that there is not, too, which answers nothing. Raises InvalidInput, but not for a service that the catalogue
    does not know: it may be one of the account's own."""
    prefix, _, name = given.rpartition(":")
    services = [CATALOGUE.service(each) for each in ([prefix.lower()] if prefix else OWN_SERVICES)]
    known = [service for service in services if service is not None]
    if prefix and not known:
        return given
    for service in known:
        if (action := service.actions.get(name.lower())) is not None:
            return f"{service.prefix}:{action.name}"
    near = [
        f"{service.prefix}:{service.actions[key].name}"
        for service in known
        for key in close_to(name.lower(), service.actions, NEAREST_ACTIONS_MAX)
    ]
    raise InvalidInput(
        f"{given} is no action of the action catalogue, version {CATALOGUE.version}; "
        + (
            f"the nearest are {', '.join(near)}."
            if near
            else f"and none of {', '.join(service.prefix for service in known)} has a similar name."
        )
    )


def named_resource(context: AnswerContext, given: str, action: str, when: When) -> str:
    """An entity of the account by its ARN; *, and ARNs and patterns of all else, as they are. Raises NoSuchEntity for
    what has never been or was not then, unless the action is to create it; and InvalidInput."""
    account = context.own(when.to)
    resource = own_resource(account.id, given)
    if given == "*" or resource.startswith("arn:") or any(character in given for character in "*?"):
        return given
    if resource in {"root", account.id}:
        return account.arn("root")
    kind, slash, _ = resource.partition("/")
    if given.startswith("arn:") and kind not in KINDS:
        if (unfit := unfit_resource(given, PolicyType.IDENTITY, account.partition)) is not None:
            raise InvalidInput(unfit.sentence, unfit.detail)
        return given
    found = list(dict.fromkeys(each.arn for each in bearers(context.cursor, account.id, given, when, KINDS)))
    if len(found) > 1:
        raise InvalidInput(f"{given} may be {' or '.join(found)}: give the ARN.")
    if found:
        return found[0]
    if slash and action.lower() == f"iam:create{kind}":
        return account.arn(resource)
    if (of_aws := find_policy(account, arn(account.partition, "iam", "aws", resource))) is not None:
        return of_aws.arn
    raise no_bearer(context.cursor, account.id, given, when, KINDS)


def refuse_foreign_role(account_id: str, action: str, on: str) -> None:
    """Half an answer would pass for a whole one: the role's own account has its trust policy. Raises InvalidInput."""
    owner = account_of_arn(on)
    if is_of_role(action, on) and owner not in {None, account_id}:
        raise InvalidInput(f"The role is in the account {owner}: ask there who can assume it.")


@handles(CanAssume)
def answer_can_assume(question: CanAssume, context: AnswerContext) -> PrincipalsPage:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    account = context.own(moment.position)
    called = only_bearer(context.cursor, account.id, question.role, When.at(moment.position), ["role"])
    role = find_role(account, called.entity_id)
    if role is None:
        raise NoSuchEntity(f"The account {account.id} was closed at position {moment.position}: nobody can.")
    seen, unseen = visible_trusted_accounts(context, trusted_accounts(role.trust_policy))
    others = [context.account(other_id, position_at(context.cursor, other_id, moment.at)) for other_id in seen]
    found = can_assume(account, role, [other for other in others if other.exists], moment.at)
    admitted = admitted_of([role.trust_policy], account.id, unseen)
    return _page(question, account, found, ASSUME_ROLE, unseen, admitted)
