"""Access Analyzer's operations on archive rules."""

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.analyzers import ArchiveRule
from domain.foundation.errors import ResourceNotFoundException, ValidationError
from domain.rules import analyzers
from services.access_analyzer import resources
from services.access_analyzer.filters import FilterMembers, rule_from_request
from services.access_analyzer.pages import page_request
from services.wire.operations import answers


@answers(
    "CreateArchiveRule",
    service="access-analyzer",
    on=resources.archive_rule,
    records="analyzer_name rule_name filter client_token",
)
def create_archive_rule(
    account: Account,
    call: Call,
    *,
    analyzer_name: str,
    rule_name: str,
    filter: FilterMembers,  # noqa: A002  AWS's name
    client_token: str | None = None,  # noqa: ARG001  a second rule of the name is refused in any case
) -> Outcome:
    analyzer = resources.named_analyzer(account, call, analyzer_name)
    return done(analyzers.create_rule(analyzer, rule_from_request(rule_name, filter)))


@answers("GetArchiveRule", service="access-analyzer", on=resources.archive_rule, records="analyzer_name rule_name")
def get_archive_rule(account: Account, call: Call, *, analyzer_name: str, rule_name: str) -> Outcome:
    rule = analyzers.find_rule(resources.named_analyzer(account, call, analyzer_name), rule_name)
    return Outcome(lambda _after: {"archiveRule": _members(rule)})


@answers(
    "ListArchiveRules", service="access-analyzer", on=resources.analyzer, records="analyzer_name next_token max_results"
)
def list_archive_rules(
    account: Account, call: Call, *, analyzer_name: str, next_token: str | None = None, max_results: int | None = None
) -> Outcome:
    """AWS's model has no error of this operation for an analyzer that is not there; an empty list would be untrue."""
    try:
        analyzer = resources.named_analyzer(account, call, analyzer_name)
    except ResourceNotFoundException as missing:
        raise ValidationError(missing.message) from None
    page = page_request("ListArchiveRules", analyzer.arn, max_results=max_results, next_token=next_token)
    rules = analyzer.rules.values()
    return Outcome(
        lambda _after: page.of("archiveRules", rules, key=lambda rule: rule.definition.name, render=_members)
    )


@answers(
    "UpdateArchiveRule",
    service="access-analyzer",
    on=resources.archive_rule,
    records="analyzer_name rule_name filter client_token",
)
def update_archive_rule(
    account: Account,
    call: Call,
    *,
    analyzer_name: str,
    rule_name: str,
    filter: FilterMembers,  # noqa: A002  AWS's name
    client_token: str | None = None,  # noqa: ARG001  updated twice it says the same
) -> Outcome:
    analyzer = resources.named_analyzer(account, call, analyzer_name)
    return done(*analyzers.update_rule(analyzer, rule_from_request(rule_name, filter)))


@answers(
    "DeleteArchiveRule",
    service="access-analyzer",
    on=resources.archive_rule,
    records="analyzer_name rule_name client_token",
    ends_access=lambda _parameters: False,
)
def delete_archive_rule(
    account: Account,
    call: Call,
    *,
    analyzer_name: str,
    rule_name: str,
    client_token: str | None = None,  # noqa: ARG001  deleted twice it is gone
) -> Outcome:
    return done(analyzers.delete_rule(resources.named_analyzer(account, call, analyzer_name), rule_name))


@answers(
    "ApplyArchiveRule", service="access-analyzer", on=resources.analyzer, records="analyzer_arn rule_name client_token"
)
def apply_archive_rule(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    rule_name: str,
    client_token: str | None = None,  # noqa: ARG001  applied twice it does the same
) -> Outcome:
    return done(analyzers.apply_rule(resources.analyzer_of(account, call, analyzer_arn), rule_name))


def _members(rule: ArchiveRule) -> dict[str, object]:
    criteria = {key: criterion.model_dump(exclude_defaults=True) for key, criterion in rule.definition.filter.items()}
    filtered = {
        key: {name: list(said) if isinstance(said, tuple) else said for name, said in criterion.items()}
        for key, criterion in criteria.items()
    }
    return {
        "ruleName": rule.definition.name,
        "filter": filtered,
        "createdAt": rule.created_at,
        "updatedAt": rule.updated_at,
    }
