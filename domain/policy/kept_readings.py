"""How much of what was read stays in memory: what is made of a text takes many times the memory of the text, and
anybody may write what takes most."""

from collections import deque
from typing import Protocol


class Reading(Protocol):
    @property
    def text(self) -> str: ...

    def forget(self) -> None:
        """What was read, until it is asked for again."""


class KeptReadings:
    """No more than so many characters together: the first ones are forgotten. Of threads that add at the same time,
    each may forget one more than it had to."""

    def __init__(self, characters_max: int) -> None:
        self._characters_max = characters_max
        self._kept: deque[Reading] = deque()

    def add(self, reading: Reading) -> None:
        self._kept.append(reading)
        characters = sum(len(each.text) for each in tuple(self._kept))
        while characters > self._characters_max and len(self._kept) > 1:
            oldest = self._kept.popleft()
            characters -= len(oldest.text)
            oldest.forget()
