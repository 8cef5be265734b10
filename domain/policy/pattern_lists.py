"""Lists of patterns: a text is compared with all of them at once, at a price that is known before (docs/adr/0039)."""

from collections.abc import Callable, Sequence

from domain.policy.weights import LOOKUP, Weight, scanning
from domain.policy.wildcards import Automaton, Test, Token, Wildcard, characters, chunks, matcher

TRIED_ONE_BY_ONE_MAX = 8
"""Patterns. So many, as most lists have, take less time one after the other than any index does."""
_Pattern = tuple[Token, ...]
_ANYTHING: _Pattern = (Wildcard.ANY,)


def pattern_list(patterns: Sequence[_Pattern], single: Callable[[_Pattern], Test] = matcher) -> tuple[Test, Weight]:
    """Whether one of them matches, and what it takes at most to tell. `single` makes the test of one pattern.

    Of many, those without a wildcard, and those with one star, are looked up by what they begin and end with, once for
    each pair of lengths; the others go through the text side by side.
    """
    if _ANYTHING in patterns:
        return lambda _text: True, Weight(LOOKUP, 0)
    plain: set[str] = set()
    ends: dict[tuple[int, int], set[tuple[str, str]]] = {}
    others: list[_Pattern] = []
    patterns = tuple(dict.fromkeys(patterns))
    for pattern in patterns:
        texts = chunks(pattern)
        if texts is None or len(texts) > 2:  # noqa: PLR2004  more than a beginning and an end
            others.append(pattern)
        elif len(texts) == 1:
            plain.add(texts[0])
        else:
            head, tail = texts
            ends.setdefault((len(head), len(tail)), set()).add((head, tail))
    if len(others) <= TRIED_ONE_BY_ONE_MAX:
        tests = tuple(map(single, others))
        per_character = sum(scanning(characters(pattern)) for pattern in others)
        if len(patterns) <= TRIED_ONE_BY_ONE_MAX:
            simple = (matcher(pattern) for pattern in patterns if pattern not in others)
            return _tried((*simple, *tests)), Weight(LOOKUP * len(patterns), per_character)
    else:
        automaton = Automaton(others)
        automaton.prepare()
        tests = (automaton.accepts,)
        per_character = scanning(automaton.width)
    weight = Weight(LOOKUP * (1 + len(ends) + len(tests)), per_character)
    pairs = tuple((*lengths, frozenset(found)) for lengths, found in ends.items())
    return _looked_up(frozenset(plain), pairs, tests), weight


def _tried(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def matches(text: str) -> bool:
        for test in tests:  # noqa: SIM110  faster than a generator
            if test(text):
                return True
        return False

    return matches


def _looked_up(
    plain: frozenset[str], ends: tuple[tuple[int, int, frozenset[tuple[str, str]]], ...], tests: tuple[Test, ...]
) -> Test:
    def matches(text: str) -> bool:
        if text in plain:
            return True
        length = len(text)
        for head, tail, pairs in ends:
            if head + tail <= length and (text[:head], text[length - tail :]) in pairs:
                return True
        for test in tests:  # noqa: SIM110  faster than a generator
            if test(text):
                return True
        return False

    return matches
