"""What is contained as a whole, and its release."""

from domain.account import Account
from domain.calls import Outcome
from domain.families.access_keys import ACCESS_KEYS
from domain.families.containment import CONTAINED_LINEAGES, ContainedLineage, LineageReleased
from domain.foundation.errors import NoSuchEntity
from domain.queries.contained_lineages import find_seed, reached_from
from domain.queries.named import home_account_of
from projections.queries.ledger_positions import resolve_in_ledger
from services.api.contract.contained_lineages import (
    ContainedLineages,
    ContainedSeed,
    ListContainedLineages,
    Release,
    ReleasedAccount,
    ReleaseLineage,
)
from services.api.contract.question import SERVICE
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.api.handlers.visibility import arn_of, barred_accounts

ACTION = f"{SERVICE}:ReleaseLineage"
RELEASES_MAX = 1_000
"""So many are looked through."""


@handles(ListContainedLineages)
def answer_list_contained_lineages(_question: ListContainedLineages, context: AnswerContext) -> ContainedLineages:
    account = context.own(resolve_in_ledger(context.cursor, context.account_id, context.as_of).position)
    found = sorted(account[CONTAINED_LINEAGES].values(), key=lambda lineage: lineage.position)
    return ContainedLineages(account_id=account.id, lineages=tuple(_told(account, lineage) for lineage in found))


def _told(account: Account, lineage: ContainedLineage) -> ContainedSeed:
    key = account[ACCESS_KEYS].by_id.get(lineage.seed)
    owner_id = key.user_id if key is not None else lineage.seed_owner or lineage.seed
    arn = arn_of(account, owner_id)
    return ContainedSeed(
        seed=lineage.seed,
        name=None if arn is None else arn.split(":", 5)[-1],
        compromised_since=lineage.since,
        spared=lineage.spared,
        position=lineage.position,
    )


@decides(ReleaseLineage)
def decide_release_lineage(question: ReleaseLineage, account: Account, requester: Requester) -> Outcome:
    """Raises AccessDenied, NoSuchEntity and NeedsAccounts."""
    home_id = home_account_of(question.credential, account.id, requester.installation())
    barred = barred_accounts(account, requester, ACTION, home_id)
    home = requester.accounts([home_id])[home_id]
    reached = reached_from(home_id, requester.accounts) | {account.id: account}
    found = find_seed(home, question.credential)
    seed = question.credential if found is None else found.id
    contained = [each for each in reached.values() if seed in each[CONTAINED_LINEAGES]]
    if not contained:
        raise NoSuchEntity(
            f"No lineage of {question.credential} is contained in {home_id}: expected one that ListContainedLineages "
            "tells, by its seed."
        )
    reasons = {each.id: barred(each) for each in contained}
    events = {
        account_id: (LineageReleased(seed=seed, reason=question.reason),)
        for account_id, reason in sorted(reasons.items())
        if reason is None
    }
    own = events.pop(account.id, ())
    since = {each.id: each[CONTAINED_LINEAGES][seed].position for each in contained}
    return Outcome(lambda _after: {"seed": seed, "reasons": reasons, "since": since}, own, elsewhere=events)


@handles(ReleaseLineage, reads_everywhere=True)
def answer_release_lineage(_question: ReleaseLineage, context: AnswerContext) -> Release:
    seed, reasons, since = (context.decided.told[each] for each in ("seed", "reasons", "since"))
    assert isinstance(seed, str)
    assert isinstance(reasons, dict)
    assert isinstance(since, dict)
    accounts = [
        ReleasedAccount(
            account_id=account_id,
            reason=reason,
            position=_released_at(context, account_id, seed, since[account_id]) if reason is None else None,
        )
        for account_id, reason in sorted(reasons.items())
    ]
    return Release(account_id=context.account_id, seed=seed, accounts=tuple(accounts))


def _released_at(context: AnswerContext, account_id: str, seed: str, contained_at: int) -> int | None:
    """The first release behind the containment; others may be among them."""
    found = context.past.changes_of_topic(
        context.cursor, account_id, LineageReleased.topic, after=contained_at, limit=RELEASES_MAX
    )
    of_seed = (each.position for each in found if isinstance(each.event, LineageReleased) and each.event.seed == seed)
    return next(of_seed, None)
