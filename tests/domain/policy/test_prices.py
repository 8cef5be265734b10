"""What decisions cost: in steps that are told before, from lengths alone, whatever anybody attaches or sends."""

import gc
import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy import (
    BUDGET_STEPS,
    Layer,
    Layers,
    PolicyType,
    Possibility,
    Request,
    Result,
    SourcedPolicy,
    compiled,
    evaluate,
    evaluate_partial,
    explain,
    least_steps,
    parse,
    reason,
)
from domain.policy.document import ACTIONS_REMEMBERED_PER_POLICY_MAX
from domain.policy.kept_readings import KeptReadings
from domain.policy.pattern_lists import pattern_list
from domain.policy.prices import LONG_PRICES_REMEMBERED_MAX, price_of
from domain.policy.wildcards import Automaton, matcher, resource_starts_at, tokens
from tests.domain.policy.expensive import ATTACKS, POLICIES_MAX, Attack, asking, patterns
from tests.domain.policy.generated import DecisionExample, questions
from tests.domain.policy.test_naive import compared, parsed


def layers(*documents: str, layer: Layer = Layer.IDENTITY) -> Layers:
    """A policy each, in a layer of their own, read anew: nothing is remembered."""
    kind = _KINDS[layer]
    return [(layer, [SourcedPolicy(parse(text, kind), f"p{at}", "managed", "v1") for at, text in enumerate(documents)])]


_KINDS = {Layer.IDENTITY: PolicyType.IDENTITY, Layer.SCP: PolicyType.SCP, Layer.SESSION: PolicyType.SESSION}


def steps(of: Layers, request: Request) -> int:
    policies = tuple(sourced.policy for _, listed in of for sourced in listed)
    return price_of(request.action.lower(), policies).weigh(request.resource, request.context)[0]


def lines(work: Callable[[], object]) -> int:
    """How many lines of Python are executed."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_price_is_never_less_than_the_work(attack: Attack) -> None:
    """Of a policy that nobody has asked about yet: what is executed is no more than what was told."""
    of = layers(attack.document)
    assert lines(lambda: evaluate(of, attack.request, None)) <= steps(layers(attack.document), attack.request)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_attack_takes_more_than_the_budget(attack: Attack) -> None:
    """As many policies as exceed it, which nobody has asked about yet: to refuse takes no more work than to decide may
    take, and says what it would have taken."""
    often = 1 + BUDGET_STEPS // steps(layers(attack.document), attack.request)
    if often > POLICIES_MAX:
        return
    of = layers(*[attack.document] * often)
    if steps(of, attack.request) <= BUDGET_STEPS:  # What they have in common is weighed once.
        return
    of, decisions = layers(*[attack.document] * often), []
    assert lines(lambda: decisions.append(evaluate(of, attack.request))) <= BUDGET_STEPS
    (decision,) = decisions
    assert (decision.result, decision.matched) == (Result.TOO_COSTLY, ())
    assert decision.excess is not None
    assert decision.excess.steps > decision.excess.budget == BUDGET_STEPS
    assert decision.excess.steps >= decision.excess.costliest_steps > 0


def test_some_attacks_are_refused() -> None:
    """Or the tests above would prove nothing."""
    refused = {
        name
        for name, attack in ATTACKS.items()
        if steps(layers(attack.document), attack.request) * POLICIES_MAX > BUDGET_STEPS
    }
    assert len(refused) > len(ATTACKS) / 2
    assert "a star and a character, on an agent" in refused


@pytest.mark.parametrize(
    "resources",
    [
        [f"arn:aws:s3:::bucket-{number}" for number in range(200)],
        [f"arn:aws:s3:::bucket-{number}/*" for number in range(200)],
        [f"arn:aws:iam::123456789012:user/team-{number}/*" for number in range(120)],
        [f"arn:aws:iam::*:user/team-{number}-?" for number in range(140)],
        ["arn:aws:iam::*:user/${aws:username}"],
    ],
)
def test_ordinary_policies_are_never_too_costly(resources: list[str]) -> None:
    """As many as a user can have, each as long as it can be."""
    statement = {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": resources}
    condition = {"StringLike": {"aws:UserAgent": ["aws-cli/*", "Boto3/*"]}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})
    context = {"aws:useragent": ("aws-cli/2 " + "x" * 200,), "aws:sourceip": ("10.1.1.1",), "aws:username": ("ann",)}
    decision = evaluate(layers(*[text] * POLICIES_MAX), asking(context=context))
    assert decision.result is not Result.TOO_COSTLY


@compared
@given(questions())
def test_a_budget_changes_no_decision_within_it(asked: DecisionExample) -> None:
    """With just the steps that it takes a decision is what it is without a budget; with one step less, too costly."""
    of = [
        (layer, [SourcedPolicy(parsed(layer, each), "p", "inline", None) for each in documents])
        for layer, documents in asked.levels
    ]
    for request in asked.requests if any(policies for _, policies in of) else ():
        price = steps(of, request)
        assert evaluate(of, request, price) == evaluate(of, request, None)
        assert evaluate(of, request, price - 1).result is Result.TOO_COSTLY
        assert least_steps([each.policy for _, policies in of for each in policies]) <= price


PIECES = st.lists(st.sampled_from(["*", "?", "a", "b", "ab", ":", "*a", "a*", "a*b"]), max_size=5).map("".join)


@given(
    st.lists(PIECES, min_size=1, max_size=40),
    st.lists(st.text("ab:", max_size=9), min_size=1, max_size=5),
    st.integers(0, 6),
)
def test_a_list_matches_what_one_of_its_patterns_matches(listed: list[str], texts: list[str], bound: int) -> None:
    """Looked up, tried one by one or side by side; wildcards that stay within their part of an ARN, too."""
    made = [tokens(text, min(bound, resource_starts_at(text))) for text in listed]
    matches, _ = pattern_list(made)
    for text in texts:
        assert matches(text) == any(matcher(pattern)(text) for pattern in made)


def test_many_patterns_cost_no_more_than_their_characters() -> None:
    """A thousand patterns go through a text at once: for each of its characters much less than a step each."""
    _, one = pattern_list([tokens("*?a")])
    many_patterns = [tokens(text) for text in patterns("*?@")]
    _, many = pattern_list(many_patterns)
    assert len(many_patterns) > 700
    assert many.per_character < 4 * one.per_character


def test_whoever_is_refused_learns_what_costs() -> None:
    """The sentence names the caller's own policy, and of others' only the kind."""
    attack = ATTACKS["a long value in long patterns"]
    small = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    own = evaluate(layers(small, attack.document), attack.request)
    assert (own.result, own.layer) == (Result.TOO_COSTLY, Layer.IDENTITY)
    assert f"expected at most {BUDGET_STEPS}. An identity-based policy p1 takes" in reason(own, "iam:GetUser")
    levels = [each for _ in range(5) for each in layers(attack.document, layer=Layer.SCP)]
    limited = evaluate([*levels, *layers(small)], attack.request)
    assert limited.layer is Layer.SCP
    assert "A service control policy takes" in reason(limited, "iam:GetUser")
    session = evaluate([*layers(small), *layers(attack.document, layer=Layer.SESSION)], attack.request)
    assert session.layer is Layer.SESSION
    explained = explain(layers(attack.document), attack.request)
    assert (explained.decision.result, explained.verdicts) == (Result.TOO_COSTLY, ())
    assert explain(layers(attack.document), attack.request, None).verdicts
    partial = evaluate_partial(layers(attack.document), attack.request, lambda _key: True)
    assert (partial.possibility, partial.decision.result) == (Possibility.IMPOSSIBLE, Result.TOO_COSTLY)


def test_what_is_remembered_decides_nothing() -> None:
    """The same policies, asked about for the first time and once more, with other actions between."""
    attack = ATTACKS["actions"]
    of = layers(*[attack.document] * 20)
    first = evaluate(of, attack.request)
    for number in range(50):
        evaluate(of, attack.request._replace(action=f"iam:Action{number}"))
    assert evaluate(of, attack.request) == first


def test_what_is_remembered_keeps_no_policy() -> None:
    """A price is remembered, but not the policies of a simulation, which nobody has when it has been answered."""
    document = ATTACKS["a star and a character, on an agent"].document
    policy = parse(document, PolicyType.IDENTITY)
    price, gone = price_of("iam:getuser", [policy]), ref(policy)
    assert price_of("iam:getuser", [policy]) is price
    del policy
    gc.collect()
    assert gone() is None
    assert price_of("iam:getuser", [parse(document, PolicyType.IDENTITY)]) == price


@pytest.mark.parametrize("shape", ["conditions", "short patterns of variables"])
def test_few_long_prices_are_remembered(shape: str) -> None:
    """Of many context keys, or of many patterns that vary; short ones outlast them."""
    long, short = (parse(ATTACKS[each].document, PolicyType.IDENTITY) for each in (shape, "addresses"))
    prices = [price_of("iam:getuser", [each]) for each in (long, short)]
    assert price_of("iam:getuser", [long]) is prices[0]
    for number in range(LONG_PRICES_REMEMBERED_MAX):
        price_of(f"iam:action{number}", [long])
    again = [price_of("iam:getuser", [each]) for each in (long, short)]
    assert again == prices
    assert [each is former for each, former in zip(again, prices, strict=True)] == [False, True]


def test_few_actions_of_a_policy_are_remembered() -> None:
    """Others are matched again, and answered alike."""
    policy = parse(ATTACKS["statements"].document, PolicyType.IDENTITY)
    for number in range(2 * ACTIONS_REMEMBERED_PER_POLICY_MAX):
        assert policy.about[f"iam:action{number}"] == policy.statements
    assert len(policy.about) == ACTIONS_REMEMBERED_PER_POLICY_MAX


def test_patterns_are_prepared_by_two_threads_at_once() -> None:
    """The one that comes later finds nothing to prepare, and breaks nothing."""
    automaton = Automaton([tokens("*?a"), tokens("b?*c")])
    automaton.prepare()
    automaton.prepare()
    assert automaton.accepts("xxa")
    assert not automaton.accepts("xxb")


def test_no_more_is_kept_read_than_may_be() -> None:
    """The first one that was read is forgotten, and read again when somebody asks."""
    texts = [ATTACKS["ARNs"].document + " " * number for number in (1, 2, 3)]
    policies = [compiled(text, PolicyType.IDENTITY) for text in texts]
    kept = KeptReadings(sum(map(len, texts[:2])) + 3)
    for policy in policies:
        assert policy.statements
        kept.add(policy)
    assert [policy.is_read for policy in policies] == [False, True, True]
    assert policies[0].about["iam:getuser"] == policies[0].statements


def test_a_stored_policy_is_read_when_it_is_needed() -> None:
    """There is one of each text, unread until somebody asks for what stands in it."""
    text = ATTACKS["ARNs"].document + " " * 9
    policy = compiled(text, PolicyType.IDENTITY)
    assert not policy.is_read
    assert compiled(text, PolicyType.IDENTITY) is policy
    assert len(policy.statements) == 1
    assert policy.is_read
    with pytest.raises(AttributeError):
        _ = policy.nothing
