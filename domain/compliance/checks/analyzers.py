"""Analyzers of IAM Access Analyzer."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.families.analyzers import ANALYZERS
from domain.foundation.regions import DEFAULT_REGIONS


@check(
    of=ACCOUNT,
    reads=(ANALYZERS,),
    title="An analyzer for external access is at work in every Region",
    rationale="It tells whom outside the account its policies let in, as soon as they do.",
    remediation="aws accessanalyzer create-analyzer --analyzer-name NAME --type ACCOUNT, in each Region",
    severity="high",
)
def no_external_access_analyzer(
    account: Account, holder_id: str, *, regions: tuple[str, ...] = ()
) -> Iterator[CheckFinding]:
    """In each of these; where none are given, in each that `ec2:DescribeRegions` lists (docs/adr/0061). Roles belong to
    no Region, and here an analyzer in one finds what they let in; an analyzer all the same is asked for by Region."""
    at_work = {each.region for each in account[ANALYZERS].values() if each.type == "ACCOUNT"}
    yield violated(holder_id, not at_work.issuperset(regions or DEFAULT_REGIONS[account.partition]))
