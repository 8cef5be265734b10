"""Attacks that stay within every quota, while somebody else calls. `make faults` has all of them."""

from collections.abc import Iterator

import pytest

from benchmarks.siege import ATTACKS, Attack, Scene, noticed, opened_scene
from tests.clients.server import running_server

CALLS, CONTAINMENTS = 12, 2
OF_THE_SUITE = {
    "a query string of 60 kB, without a key",
    "passwords, in another account",
    "refused calls of another principal",
    "deletions, which are in the reserved lane",
}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with running_server() as server:
        yield opened_scene(server.endpoint, server.data)


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.name in OF_THE_SUITE], ids=lambda attack: attack.name
)
def test_another_account_goes_on(scene: Scene, attack: Attack) -> None:
    """Each of its calls is answered with success, each containment too, and the attackers are answered."""
    found = noticed(scene, attack, CALLS, CONTAINMENTS)
    assert found.answers == {200: CALLS}
    assert found.contained == {200: CONTAINMENTS}
    assert found.attacked.total() > 0
    assert not any(status >= 500 for status in found.attacked)
