"""A many-to-many relation that can be read from both sides."""

from dataclasses import dataclass

from immutables import Map

_NONE: Map[str, int] = Map()


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Pairs of ids, in the order in which they were added: who is in which group, what is attached to whom."""

    forward: Map[str, Map[str, int]] = Map()
    """Left id to its right ids, each with the number of the pair."""
    backward: Map[str, Map[str, int]] = Map()
    added: int = 0
    """How many pairs were ever added; numbers them."""

    def rights_of(self, left: str) -> list[str]:
        return _ordered(self.forward.get(left, _NONE))

    def lefts_of(self, right: str) -> list[str]:
        return _ordered(self.backward.get(right, _NONE))

    def count_lefts(self, right: str) -> int:
        return len(self.backward.get(right, _NONE))

    def __contains__(self, pair: tuple[str, str]) -> bool:
        left, right = pair
        return right in self.forward.get(left, _NONE)

    def add(self, left: str, right: str) -> "ManyToMany":
        """Raises LookupError when the pair is there already, as `remove` does when it is not."""
        if (left, right) in self:
            raise LookupError(f"{left} and {right} are a pair already.")
        return ManyToMany(
            self.forward.set(left, self.forward.get(left, _NONE).set(right, self.added)),
            self.backward.set(right, self.backward.get(right, _NONE).set(left, self.added)),
            self.added + 1,
        )

    def remove(self, left: str, right: str) -> "ManyToMany":
        return ManyToMany(_without(self.forward, left, right), _without(self.backward, right, left), self.added)

    def without(self, left: str) -> "ManyToMany":
        """Without all its pairs, if it has any."""
        rest = self
        for right in self.rights_of(left):
            rest = rest.remove(left, right)
        return rest


def _ordered(numbered: Map[str, int]) -> list[str]:
    return sorted(numbered, key=numbered.__getitem__) if len(numbered) > 1 else list(numbered)


def _without(side: Map[str, Map[str, int]], key: str, other: str) -> Map[str, Map[str, int]]:
    rest = side[key].delete(other)
    return side.set(key, rest) if rest else side.delete(key)
