"""One running server for all tests of the commands."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.clients.server import Answer, Server, run, running_server


@dataclass(frozen=True)
class Desk:
    """Where somebody types."""

    server: Server

    def muniment(self, *words: str, environment: Mapping[str, str] | None = None) -> Answer:
        return run(["muniment", *words], self.server.profile if environment is None else environment)

    def rows(self, *words: str) -> list[dict[str, object]]:
        answer = self.muniment(*words, "--output", "json")
        assert answer.status == 0, answer.error
        return [json.loads(line) for line in answer.out.splitlines()]

    def aws(self, *words: str) -> dict[str, dict[str, str]]:
        answer = run(["aws", *words], self.server.profile)
        assert answer.status == 0, answer.error
        parsed: dict[str, dict[str, str]] = json.loads(answer.out) if answer.out else {}
        return parsed


@pytest.fixture(scope="session")
def desk() -> Iterator[Desk]:
    with running_server() as server:
        yield Desk(server)
