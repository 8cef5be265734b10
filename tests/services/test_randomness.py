"""Random bytes in large pieces."""

import threading

from services.randomness import BUFFER_BYTES, Randomness


def test_nothing_is_given_twice() -> None:
    """Not within a piece, not from one piece to the next, and not to two threads."""
    random = Randomness()
    drawn: list[bytes] = []

    def draw() -> None:
        drawn.extend([random(16) for _ in range(2 * BUFFER_BYTES // 16)])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {len(given) for given in drawn} == {16}
    assert len(set(drawn)) == len(drawn)


def test_any_number_is_given() -> None:
    """Also more than is drawn at once, and what the rest of a piece does not suffice for."""
    random = Randomness()
    assert [len(random(count)) for count in (1, BUFFER_BYTES - 1, 2, 3 * BUFFER_BYTES, 0)] == [
        *(1, BUFFER_BYTES - 1, 2, 3 * BUFFER_BYTES, 0)
    ]
