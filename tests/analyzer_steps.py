"""The steps of random histories with analyzers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.analyzers import ANALYZERS, Analyzer, ArchiveRule, ArchiveRuleDefinition, FilterCriterion
from domain.foundation.events import Event
from domain.foundation.identifiers import Random
from domain.rules import analyzers
from tests.step_draws import NAMES, one, step

REGION = "eu-central-1"
TAGS = st.sampled_from([{"team": "ops"}, {"team": "dev", "stage": "live"}])
RULES = st.builds(
    ArchiveRuleDefinition,
    name=NAMES,
    filter=st.sampled_from(["true", "false"]).map(lambda said: {"isPublic": FilterCriterion(eq=(said,))}),
)


def analyzer_step(draw: DrawFn, account: Account, at: datetime, _random: Random) -> Sequence[Event]:
    chosen = step(draw, account[ANALYZERS], "update", "delete", "tag", "untag", "mark", "create rule", "rule", "rule")
    days = analyzers.unused_access(draw(st.sampled_from([1, 90])), draw(st.sampled_from([[], [{"team": "ops"}]])))
    if chosen == "create":
        unused = draw(st.sampled_from([None, days]))
        named, tags, rules = draw(NAMES), draw(TAGS), [draw(RULES)]
        create = partial(analyzers.create, account, REGION, name=named, tags=tags, rules=rules)
        return [create(type_="ACCOUNT" if unused is None else "ACCOUNT_UNUSED_ACCESS", unused_access=unused)]
    analyzer = one(draw, account[ANALYZERS].values())
    if chosen == "rule":
        return _changed_rule(draw, analyzer, one(draw, analyzer.rules.values()), at)
    known = {finding_id: mark.at for finding_id, mark in analyzer.marks.items()}
    ids = [each for each in draw(st.sampled_from([["0" * 36], ["1" * 36, "0" * 36]])) if known.get(each) != at]
    changes: dict[str, Callable[[], Sequence[Event]]] = {
        "update": lambda: analyzers.update(analyzer, days),
        "delete": lambda: [analyzers.delete(analyzer)],
        "tag": lambda: analyzers.tag(analyzer, draw(TAGS)),
        "untag": lambda: analyzers.untag(analyzer, ["team"]),
        "create rule": lambda: [analyzers.create_rule(analyzer, draw(RULES))],
        "mark": lambda: analyzers.mark_findings(analyzer, ids, archive=draw(st.booleans())),
    }
    return changes[chosen]()


def _changed_rule(draw: DrawFn, analyzer: Analyzer, rule: ArchiveRule, at: datetime) -> Sequence[Event]:
    """Applied twice at once it is as if it were once."""
    name = rule.definition.name
    match draw(st.sampled_from(["update", "apply", "delete"])):
        case "update":
            return analyzers.update_rule(analyzer, draw(RULES).model_copy(update={"name": name}))
        case "apply" if rule.applied_at != at:
            return [analyzers.apply_rule(analyzer, name)]
    return [analyzers.delete_rule(analyzer, name)]
