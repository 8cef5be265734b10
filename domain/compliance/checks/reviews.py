"""Access reviews: whether somebody has looked at who has what (docs/adr/0062)."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, Days, check
from domain.families.access_reviews import ACCESS_REVIEWS, ReviewedPrincipals, ReviewScope


@check(
    of=ACCOUNT,
    reads=(ACCESS_REVIEWS,),
    title="Who has what is reviewed in time",
    rationale="Permissions that nobody looks at are added to and never taken away.",
    remediation="muniment review start NAME, decide all of its lines, and muniment review close NAME",
    severity="medium",
)
def access_not_reviewed(
    account: Account, holder_id: str, *, days: Days = 365, principals: ReviewedPrincipals = "all"
) -> Iterator[CheckFinding]:
    """Since the last review of all that these have was closed with every line decided, or since there is the account. A
    review that took longer than `days` is none: at its end nobody knew any more what was there."""
    assert account.created_at is not None
    time = timedelta(days=days)
    scopes = (ReviewScope(principals=principals), ReviewScope())
    finished = (
        closed.at
        for review in account[ACCESS_REVIEWS].values()
        if (closed := review.closed) is not None
        and not closed.undecided
        and closed.at - review.lines_at <= time
        and review.scope in scopes
    )
    yield CheckFinding(holder_id, max(finished, default=account.created_at) + time)
