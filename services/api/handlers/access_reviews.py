"""Access reviews: started, listed, decided and closed."""

from collections.abc import Sequence

from domain.account import Account
from domain.calls import NeedsFacts, Outcome
from domain.families.access_reviews import (
    ACCESS_REVIEWS,
    REVIEW_ID,
    AccessReview,
    AccessReviewLinesDecided,
    Reviewer,
    ReviewFacts,
    ReviewQuery,
    ReviewScope,
    UndecidedFacts,
    UndecidedQuery,
)
from domain.families.users import USERS
from domain.foundation.errors import (
    AccessDenied,
    NoSuchEntity,
    OperationNotPermittedException,
    Throttling,
    ValidationError,
)
from domain.foundation.identifiers import new_unique_id
from domain.foundation.nearest import nearest
from domain.foundation.secret import SecretId, SecretKind
from domain.queries.named import credential_holder, find_holders
from domain.queries.review_decisions import AskedDecision, LineOutcome, Revocation, decide_lines
from domain.rules.access_reviews import close_review, find_review, open_review, refuse_unstartable, start_review
from domain.rules.lifecycle import subject_name
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.access_reviews import (
    AccessReviewEffect,
    AccessReviewList,
    CloseAccessReview,
    DecideAccessReview,
    DecisionEffect,
    LineEffect,
    ListAccessReviews,
    StartAccessReview,
)
from services.api.contract.exemptions import time_of
from services.api.handlers.access_review_rows import review_details
from services.api.handlers.handler import AnswerContext, decided_position, decides, handles
from services.api.handlers.requester import Requester

_UNSETTLED = Throttling("The lines of the review could not be found in time: ask again.")


@handles(ListAccessReviews)
def answer_list_access_reviews(_question: ListAccessReviews, context: AnswerContext) -> AccessReviewList:
    moment = resolve_in_ledger(context.cursor, context.account_id, context.as_of)
    reviews = context.own(moment.position)[ACCESS_REVIEWS].values()
    newest = sorted(reviews, key=lambda review: (review.closed is not None, -review.started_position))
    return AccessReviewList(
        account_id=context.account_id, reviews=tuple(review_details(review, moment.at) for review in newest)
    )


@decides(StartAccessReview)
def decide_start_access_review(question: StartAccessReview, account: Account, requester: Requester) -> Outcome:
    """Raises NeedsFacts, ValidationError, NoSuchEntity, EntityAlreadyExists and LimitExceeded."""
    due_at = None if question.due is None else time_of(question.due)
    refuse_unstartable(account, name=question.name, due_at=due_at, at=requester.at)
    scope, reviewers = _scope(account, question), _reviewers(account, question.reviewers)
    facts = requester.facts
    if not isinstance(facts, ReviewFacts) or facts.wanted.scope != scope:
        raise NeedsFacts(ReviewQuery(account.id, scope, requester.at), unsettled=_UNSETTLED)
    started = start_review(
        account,
        review_id=new_unique_id(REVIEW_ID, requester.random),
        name=question.name,
        lines=facts,
        due_at=due_at,
        reviewers=reviewers,
        allows_own=question.allow_own_review,
        at=requester.at,
    )
    return Outcome(lambda _after: {"before": account.position, "topic": started.topic}, (started,))


def _scope(account: Account, question: StartAccessReview) -> ReviewScope:
    if question.tag_value is not None and question.tag_key is None:
        raise ValidationError("A tag's value is given without its key: expected both, or the key alone.")
    if question.users and question.principals == "roles":
        raise ValidationError("Users are named, and only roles are to be reviewed: expected one or the other.")
    return ReviewScope(
        principals=question.principals,
        path_prefix=question.path_prefix,
        tag_key=question.tag_key,
        tag_value=question.tag_value,
        user_ids=tuple(sorted({_user_id(account, named) for named in question.users})),
        policy_arn=question.policy_arn,
        unused_days=question.unused_days,
    )


def _user_id(account: Account, named: str) -> str:
    """Raises NoSuchEntity."""
    found = next((entity.id for kind, entity in find_holders(account, named) if kind == "user"), None)
    if found is None:
        known = (user.name for user in account[USERS])
        raise NoSuchEntity(f"The user with name {named} cannot be found.", suggestion=nearest(named, known))
    return found


def _reviewers(account: Account, named: Sequence[str]) -> list[Reviewer]:
    """Raises NoSuchEntity, and ValidationError where several are called so."""
    ids = sorted({credential_holder(account, each) for each in named})
    return [Reviewer(id=each, name=subject_name(account, each)) for each in ids]


@handles(StartAccessReview)
def answer_start_access_review(question: StartAccessReview, context: AnswerContext) -> AccessReviewEffect:
    return _effect(question.name, context)


@decides(DecideAccessReview)
def decide_access_review(question: DecideAccessReview, account: Account, requester: Requester) -> Outcome:
    """Raises NeedsFacts, NoSuchEntity, ValidationError, AccessDenied and OperationNotPermittedException."""
    review = open_review(account, question.name)
    _refuse_stranger(review, requester)
    line_ids = frozenset(each.line_id for each in question.decisions)
    wanted = ReviewQuery(account.id, review.scope, review.lines_at, review.lines_position, line_ids)
    if not isinstance(requester.facts, ReviewFacts) or requester.facts.wanted != wanted:
        raise NeedsFacts(wanted, unsettled=_UNSETTLED)

    def denied(revocation: Revocation) -> str | None:
        if requester.call is None and revocation.password_ids:
            return "A password's hash is destroyed with it, for which the operator's command has no key: ask a server."
        return requester.denied(revocation.action, revocation.resource, revocation.context)

    asked = [AskedDecision(**each.model_dump()) for each in question.decisions]
    decided = decide_lines(account, review, asked, requester.facts.lines, requester.caller, denied, requester.at)
    refused = [outcome for outcome in decided.outcomes if outcome.outcome == "refused"]
    if refused and not question.dry_run:
        raise OperationNotPermittedException(_refusal(refused))
    topic = AccessReviewLinesDecided.topic if decided.events else None
    told = {"outcomes": decided.outcomes, "before": account.position, "topic": topic}
    if question.dry_run:
        return Outcome(lambda _after: told | {"topic": None})
    secrets = [SecretId(SecretKind.PASSWORD, password_id) for password_id in decided.password_ids]
    return Outcome(lambda _after: told, decided.events, destroyed_secrets=secrets)


def _refuse_stranger(review: AccessReview, requester: Requester) -> None:
    """Raises AccessDenied for whoever is none of the reviewers, where there are some."""
    caller = requester.caller
    if caller is not None and review.reviewers and caller.entity_id not in {each.id for each in review.reviewers}:
        names = ", ".join(each.name for each in review.reviewers)
        raise AccessDenied(
            f"{caller.principal.arn} is no reviewer of access review {review.name}: expected one of {names}."
        )


def _refusal(refused: Sequence[LineOutcome]) -> str:
    first = refused[0]
    others = "" if len(refused) == 1 else f" {len(refused) - 1} more are refused."
    return f"{first.what or first.line_id}: {first.reason}{others} Nothing was decided."


@handles(DecideAccessReview)
def answer_decide_access_review(question: DecideAccessReview, context: AnswerContext) -> DecisionEffect:
    told = context.decided.told
    outcomes = told["outcomes"]
    assert isinstance(outcomes, Sequence)
    return DecisionEffect(
        account_id=context.account_id,
        review=question.name,
        dry_run=question.dry_run,
        position=decided_position(context),
        lines=tuple(LineEffect.model_validate(each) for each in outcomes),
    )


@decides(CloseAccessReview)
def decide_close_access_review(question: CloseAccessReview, account: Account, requester: Requester) -> Outcome:
    """Raises NeedsFacts, NoSuchEntity and ValidationError."""
    review = open_review(account, question.name)
    facts = requester.facts
    if (
        not isinstance(facts, UndecidedFacts)
        or facts.wanted.review_name != review.name
        or facts.decided != len(review.kept) + len(review.revoked)
    ):
        raise NeedsFacts(UndecidedQuery(account.id, review.name, requester.at), unsettled=_UNSETTLED)
    closed = close_review(review, undecided=facts.undecided, incomplete=question.incomplete)
    return Outcome(lambda _after: {"before": account.position, "topic": closed.topic}, (closed,))


@handles(CloseAccessReview)
def answer_close_access_review(question: CloseAccessReview, context: AnswerContext) -> AccessReviewEffect:
    return _effect(question.name, context)


def _effect(name: str, context: AnswerContext) -> AccessReviewEffect:
    position = decided_position(context)
    assert position is not None
    review = find_review(context.own(position), name)
    return AccessReviewEffect(
        account_id=context.account_id, review=review_details(review, context.as_of.now), position=position
    )
