"""A prepared program answers as the one that its file starts."""

import pytest

from tests.clients.server import Server, run, started


@pytest.mark.parametrize(
    "words",
    [
        ("aws", "sts", "get-caller-identity"),
        ("aws", "iam", "get-user", "--user-name", "nobody-of-that-name"),
        ("aws", "iam", "get-user", "--usr-name", "x"),
        ("muniment", "history", "--limit", "1", "--until", "p1", "--output", "json"),
        ("muniment", "sessions", "revoke", "SESN" + "A" * 17),
        ("muniment", "permisions"),
    ],
)
def test_it_is_the_same_program(server: Server, words: tuple[str, ...]) -> None:
    """Answered, refused and misunderstood: status, output and error."""
    assert run(words, server.profile) == started(words, server.profile)
