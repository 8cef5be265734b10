"""A server of rotations that is none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.api.contract.key_rotations import KeyRotationDetails, KeyRotationStage, KeyRotationStep


class FakeServer:
    """New keys are seen in use when they have been asked for so often."""

    def __init__(self, seen_after: Mapping[str, int]) -> None:
        self._seen_after = seen_after
        self.asked: list[str] = []

    def renew(self) -> None:
        raise AssertionError("Nothing is handed over.")

    def ask(self, question: Any) -> Any:
        self.asked.append(question.credential)
        return self.step(question.credential)

    def step(self, user: str) -> KeyRotationStep:
        after = self._seen_after.get(user)
        seen = after is not None and self.asked.count(user) >= after
        stage: KeyRotationStage = "finished" if after is None else "observing" if seen else "handed over"
        details = KeyRotationDetails(
            user_id="AIDA",
            user_name=user,
            old_access_key_id="AKIAOLD",
            new_access_key_id="AKIANEW",
            stage=stage,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            observe_days=7,
            new_key_used=seen,
            waits_for="something",
            waits_until=None,
        )
        return KeyRotationStep(account_id="123456789012", rotation=details, done=())
