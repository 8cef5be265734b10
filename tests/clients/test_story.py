"""The story of the README, end to end: the stock aws CLI and our own commands as processes, against a real server."""

from tests.clients.server import running_server
from tests.clients.story import Story


def test_the_story_is_true() -> None:
    """Everything that the README tells a newcomer happens so."""
    with running_server() as server:
        Story(server).tell()
