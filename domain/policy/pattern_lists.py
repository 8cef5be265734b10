"""Lists of patterns: a text is compared with all of them at once, at a price that is known before (docs/adr/0039)."""

from collections.abc import Callable, Iterable, Sequence

from domain.policy.weights import LOOKUP, PREPARED_CHARACTER, Weight, scanning
from domain.policy.wildcards import Automaton, Test, Token, Wildcard, characters, chunks, matcher, searchable

TRIED_MAX, SCANNED_ONE_BY_ONE_MAX = 8, 2
"""Patterns of a list. So many, as most lists have, take less time one after the other than together."""
_Pattern = tuple[Token, ...]
_ANYTHING: _Pattern = (Wildcard.ANY,)


def pattern_list(patterns: Sequence[_Pattern], single: Callable[[_Pattern], Test] = matcher) -> tuple[Test, Weight]:
    """Whether one of them matches, and what it takes at most to tell. `single` makes the test of a pattern that has to
    be gone through character by character.

    Of many, those without a wildcard, and those with one star, are looked up by what they begin and end with, once for
    each pair of lengths; the others go through the text side by side.
    """
    if _ANYTHING in patterns:
        return lambda _text: True, Weight(LOOKUP, 0)
    simple, searched, scanned = _sorted(tuple(dict.fromkeys(patterns)))
    if len(searched) > TRIED_MAX:
        scanned, searched = [*scanned, *searched], []
    tests, weights = [matcher(pattern) for pattern in searched], [_tried(pattern) for pattern in searched]
    if len(scanned) <= SCANNED_ONE_BY_ONE_MAX:
        tests += map(single, scanned)
        weights += [_tried(pattern, PREPARED_CHARACTER) for pattern in scanned]
    else:
        automaton = Automaton(scanned)
        automaton.prepare()
        tests.append(automaton.accepts)
        weights.append(Weight(LOOKUP, scanning(automaton.width)))
    if len(simple) > TRIED_MAX:
        looked_up, groups = _looked_up(simple)
        tests.insert(0, looked_up)
        weights.append(Weight(LOOKUP * groups, 0))
    else:
        tests = [*map(matcher, simple), *tests]
        weights += [Weight(LOOKUP, 0)] * len(simple)
    return _any(tests), Weight(sum(each.per_value for each in weights), sum(each.per_character for each in weights))


def _sorted(patterns: Iterable[_Pattern]) -> tuple[list[_Pattern], list[_Pattern], list[_Pattern]]:
    """Those with one star or none, those that are searched for piece by piece, and those that take an automaton."""
    simple: list[_Pattern] = []
    searched: list[_Pattern] = []
    scanned: list[_Pattern] = []
    for pattern in patterns:
        texts = chunks(pattern)
        if texts is not None and len(texts) <= 2:  # noqa: PLR2004  a beginning and an end
            simple.append(pattern)
        else:
            (searched if texts is not None and searchable(texts) else scanned).append(pattern)
    return simple, searched, scanned


def _tried(pattern: _Pattern, preparing: int = 0) -> Weight:
    """Weighed as if it had to be prepared still: nothing that is remembered may change a decision."""
    length = characters(pattern)
    return Weight(LOOKUP + preparing * (1 + length), scanning(length))


def _any(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    tests = tuple(tests)

    def matches(text: str) -> bool:
        for test in tests:  # noqa: SIM110  faster than a generator
            if test(text):
                return True
        return False

    return matches


def _looked_up(simple: Iterable[_Pattern]) -> tuple[Test, int]:
    """Whether it is one of the texts, or begins and ends like one of them, and how many times that is looked up."""
    plain: set[str] = set()
    ends: dict[tuple[int, int], set[tuple[str, str]]] = {}
    for pattern in simple:
        head, *tails = chunks(pattern) or [""]
        if tails:
            ends.setdefault((len(head), len(tails[0])), set()).add((head, tails[0]))
        else:
            plain.add(head)
    groups = tuple((*lengths, frozenset(pairs)) for lengths, pairs in ends.items())

    def matches(text: str) -> bool:
        if text in plain:
            return True
        length = len(text)
        for head, tail, pairs in groups:
            if head + tail <= length and (text[:head], text[length - tail :]) in pairs:
                return True
        return False

    return matches, 1 + len(groups)
