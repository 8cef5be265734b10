"""A rotation as the command drives it. The server decides each step; here the secret is handed over, and whatever is
killed in between goes on when the same is run again (docs/adr/0056)."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from domain.foundation.errors import Refusal
from services.api.contract.key_rotations import (
    AdvanceKeyRotation,
    KeyRotationDetails,
    KeyRotationStep,
    RecordKeyHandover,
    StartedKeyRotation,
    StartKeyRotation,
    StopKeyRotation,
)
from services.api.contract.question import Answer, Question
from services.cli.lib.client import build_question
from services.cli.lib.key_targets import HandOver, KeyTarget, NewKey
from services.cli.lib.terminal import Failure, UsageError

POLL_SECONDS_MIN, POLL_SECONDS_MAX = 5, 300
POLL_FACTOR = 1.5
ENDED = frozenset({"finished", "stopped"})

A = TypeVar("A", bound=Answer)


class RotationClient(Protocol):
    """Whom the steps are asked of."""

    def ask(self, question: Question[A]) -> A: ...

    def renew(self) -> None:
        """Reads the credentials again, with which it asks."""


class Rotator:
    def __init__(self, client: RotationClient, tell: Callable[[str], None]) -> None:
        self._client = client
        self._tell = tell

    def rotate(
        self,
        user: str,
        target: KeyTarget | None,
        *,
        old: str | None = None,
        observe_days: int | None = None,
        force: bool = False,
    ) -> KeyRotationStep:
        """Takes all steps that can be taken now. Raises Failure and refusals; no key is left over then of which the
        next run would not know."""
        if target is not None or old is not None:
            self._start(user, target, old, observe_days)
        return self.advance(user, force=force)

    def advance(self, user: str, *, force: bool = False) -> KeyRotationStep:
        step = self._ask(AdvanceKeyRotation, {"credential": user, "force": force or None})
        if step.rotation.stage == "started":
            raise UsageError(
                f"The new key {step.rotation.new_access_key_id} of {user} is still to be handed over: say where to, "
                "with --to-file, --to-profile or --to-command."
            )
        return step

    def wait(
        self, steps: Mapping[str, KeyRotationStep], sleep: Callable[[float], None] = time.sleep
    ) -> dict[str, KeyRotationStep]:
        """Until each of these rotations has taken its next step, or ended; by user."""
        last, pending = dict(steps), {user for user, step in steps.items() if step.rotation.stage not in ENDED}
        pause = float(POLL_SECONDS_MIN)
        while pending:
            sleep(min(pause, *(_seconds_left(last[user].rotation) for user in pending)))
            pause = min(pause * POLL_FACTOR, POLL_SECONDS_MAX)
            for user in sorted(pending):
                last[user] = self.advance(user)
                if last[user].rotation.stage != steps[user].rotation.stage:
                    pending.discard(user)
        return last

    def _start(self, user: str, target: KeyTarget | None, old: str | None, observe_days: int | None) -> None:
        asked = {"credential": user, "old_access_key_id": old, "observe_days": observe_days}
        with nullcontext() if target is None else target.prepared() as hand_over:
            started = self._ask(StartKeyRotation, asked)
            if started.rotation.stage != "started":
                return
            if target is None or hand_over is None:
                raise UsageError(f"The key of {user} is to be handed over: say where to, with --to-file or the like.")
            if started.secret_access_key is None and not self._has_got_it(started.rotation, target):
                lost = started.rotation.new_access_key_id
                self._tell(f"The secret of {lost} was lost before anybody got it: it is deleted, and another key made.")
                started = self._ask(StartKeyRotation, {**asked, "replaces": lost})
            if started.secret_access_key is not None:
                self._hand_over(started, started.secret_access_key, hand_over)
                self._tell(f"{started.rotation.new_access_key_id} was handed over to the {target.place}.")
        if target.kind == "profile":
            # Where it is our own, the new key proves by this that it is the profile's.
            self._client.renew()
        new_key_id = started.rotation.new_access_key_id
        self._ask(RecordKeyHandover, {"credential": user, "new_access_key_id": new_key_id, "to": target.kind})

    def _has_got_it(self, rotation: KeyRotationDetails, target: KeyTarget) -> bool:
        """What an earlier run has come to that was killed."""
        new = rotation.new_access_key_id
        if target.holds(new):
            self._tell(f"The {target.kind} {target.name} has {new} already.")
            return True
        if rotation.new_key_used:
            self._tell(f"{new} was used already: somebody has its secret, so it counts as handed over.")
        return rotation.new_key_used

    def _hand_over(self, started: StartedKeyRotation, secret: str, hand_over: HandOver) -> None:
        """Raises Failure, when the key is deleted again."""
        rotation = started.rotation
        key = NewKey(rotation.new_access_key_id, secret, started.account_id, rotation.user_name)
        try:
            hand_over(key)
        except BaseException as error:
            left = self._take_back(rotation)
            if isinstance(error, Failure):
                raise Failure(f"{error} {left}") from error
            self._tell(left)
            raise

    def _take_back(self, rotation: KeyRotationDetails) -> str:
        """What became of the key."""
        asked = {"credential": rotation.user_name, "reason": "the new key could not be handed over"}
        try:
            stopped = self._ask(StopKeyRotation, asked)
        except (Failure, Refusal) as error:
            return f"The new key {rotation.new_access_key_id} could not be deleted, which the next run does: {error}"
        if len(stopped.done) > 1:
            return f"The new key {rotation.new_access_key_id} was deleted again, and nothing else has changed."
        return f"The new key {rotation.new_access_key_id} was used already, so it was left, beside the old one."

    def _ask(self, question: type[Question[A]], parameters: Mapping[str, object]) -> A:
        return self._client.ask(build_question(question, parameters))


def _seconds_left(rotation: KeyRotationDetails) -> float:
    if rotation.waits_until is None:
        return POLL_SECONDS_MAX
    return max(1.0, (rotation.waits_until - datetime.now(UTC)).total_seconds())
