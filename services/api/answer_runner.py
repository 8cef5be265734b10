"""Reading an answer from the tables, once they have come as far as the call that asks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

from projections.engine.runner import ProjectionRunner
from projections.queries.ledger_positions import AsOf, require_account_existed
from projections.queries.readable import ProjectionBehind, same_tables
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.question import Question
from services.ledger.historical_states import HistoricalStates
from services.ledger.lineage_resolver import accounts_behind
from services.ledger.recorder import ConnectionSource
from services.wire.errors import ServiceUnavailable

WAIT_SECONDS_MAX = 5.0

A = TypeVar("A", bound=Answer)


class AnswerRunner:
    """What projections keep, and the means to wait for it."""

    def __init__(
        self, runner: ProjectionRunner, readers: ConnectionSource, past: HistoricalStates, *, for_operator: bool = False
    ) -> None:
        self._runner = runner
        self._readers = readers
        self._past = past
        self._for_operator = for_operator

    def answer(
        self, question: Question[A], account_id: str, position: int, at: datetime, told: Mapping[str, object]
    ) -> A:
        """As of the call at this position and time, or of the moment that the question names. Blocks for some seconds
        at most. Raises refusals: ServiceUnavailable when the projections lag or have halted, ValidationError for a
        moment before the account began."""
        as_of = AsOf(at, position=position) if question.moment is None else AsOf.parse(question.moment, at)
        self._wait(account_id, position)
        with self._readers() as connection, connection.cursor() as cursor:
            if question.existing_at is not None:
                require_account_existed(cursor, account_id, AsOf.parse(question.existing_at, at))
            if question.also_reads is not None:
                head: Final = "select position from ledger.heads where account_id = %s"
                for (other_position,) in cursor.execute(head, (question.also_reads,)).fetchall():
                    self._wait(question.also_reads, other_position)
            behind = accounts_behind(cursor, self._runner) if question.reads_everywhere else frozenset[str]()
            reader = AnswerContext(cursor, self._past, self._for_operator, behind, told)
            try:
                with same_tables(cursor):
                    return question.answered(reader, account_id, as_of)
            except ProjectionBehind as error:
                raise ServiceUnavailable(str(error)) from error

    def _wait(self, account_id: str, position: int) -> None:
        if not self._runner.wait(account_id, position, WAIT_SECONDS_MAX):
            raise ServiceUnavailable(
                f"The call stands in the ledger, but the projections of {account_id} lag: in {WAIT_SECONDS_MAX:.0f} "
                f"seconds they have not come to position {position}. Ask again, and see /health/ready."
            )
