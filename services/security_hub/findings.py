"""Security Hub's operation on findings."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.compliance.resources import require_compliance
from services.security_hub.control_findings import FindingParts, Renderer, control_findings
from services.security_hub.filters import Filters, SortCriterion, read_filters, read_sort
from services.security_hub.hub import SERVICE, hub_controls, on_hub, page
from services.wire.operations import answers


@answers("GetFindings", service=SERVICE, on=on_hub, records="filters sort_criteria next_token max_results")
def get_findings(
    account: Account,
    call: Call,
    *,
    filters: Filters | None = None,
    sort_criteria: list[SortCriterion] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Outcome:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html"""
    tests = read_filters(filters or {}, call.at)
    key, descending = read_sort(sort_criteria or [])
    asked = page("GetFindings", filters, sort_criteria, max_results=max_results, token=next_token)
    controls = hub_controls()
    facts = require_compliance(account, call, (each.name for each in controls))
    renderer = Renderer(account, call, facts.wanted.at)

    def answer(_after: Account) -> FindingParts:
        found = control_findings(controls, facts, account)
        return asked.of(
            "Findings",
            (each for each in found if all(test(renderer, each) for test in tests)),
            key=lambda each: key(renderer, each),
            render=renderer.members,
            descending=descending,
        )

    return Outcome(answer)
