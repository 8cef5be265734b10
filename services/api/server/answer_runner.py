"""Reading an answer from the tables, once they have come as far as the call that asks."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from domain.foundation.errors import NoSuchEntity
from domain.foundation.moments import AsOf
from projections.engine.runner import ProjectionRunner
from projections.queries.ledger_positions import require_account_existed
from projections.queries.readable import ProjectionBehind, same_tables
from services.api.contract.question import Answer, Question
from services.api.handlers.handler import HANDLERS, AnswerContext, Decided, answer_question
from services.ledger.historical_states import HistoricalStates
from services.ledger.lineage_resolver import accounts_behind
from services.ledger.recorder import ConnectionSource
from services.transparency.log_keys import LogKeys
from services.wire.errors import ServiceUnavailable

WAIT_SECONDS_MAX = 5.0

A = TypeVar("A", bound=Answer)


class AnswerRunner:
    """What projections keep, and the means to wait for it."""

    def __init__(
        self,
        runner: ProjectionRunner,
        readers: ConnectionSource,
        past: HistoricalStates,
        *,
        for_operator: bool = False,
        log_keys: Callable[[], LogKeys | None] = lambda: None,
    ) -> None:
        self._runner = runner
        self._readers = readers
        self._past = past
        self._for_operator = for_operator
        self._log_keys = log_keys

    def answer(self, question: Question[A], account_id: str, position: int, at: datetime, decided: Decided) -> A:
        """As of the call at this position and time, or of the moment that the question names. Blocks for some seconds
        at most. Raises refusals: ServiceUnavailable when the projections lag or have halted, ValidationError for a
        moment before the account began."""
        as_of = AsOf(at, position=position) if question.moment is None else question.moment.as_of(at)
        handler = HANDLERS[type(question)]
        self._wait(account_id, position, computed=handler.reads_computed)
        with self._readers() as connection, connection.cursor() as cursor:
            if (existing_at := question.existing_at(at)) is not None:
                require_account_existed(cursor, account_id, existing_at)
            other_id = handler.also_reads(question)
            if other_id is not None:
                head: Final = "select position from ledger.heads where account_id = %s"
                for (other_position,) in cursor.execute(head, (other_id,)).fetchall():
                    self._wait(other_id, other_position, computed=handler.reads_computed)
            behind = accounts_behind(cursor, self._runner) if handler.reads_everywhere else frozenset[str]()
            keys = self._log_keys()
            context = AnswerContext(cursor, self._past, account_id, as_of, self._for_operator, behind, decided, keys)
            try:
                with same_tables(cursor):
                    return answer_question(question, context)
            except ProjectionBehind as error:
                raise ServiceUnavailable(str(error)) from error
            except NoSuchEntity as refusal:
                raise refusal.suggesting() if decided.may_list() else refusal from None

    def _wait(self, account_id: str, position: int, *, computed: bool) -> None:
        if not self._runner.wait(account_id, position, WAIT_SECONDS_MAX, computed=computed):
            raise ServiceUnavailable(
                f"The call is recorded, but the projections of {account_id} lag behind: in {WAIT_SECONDS_MAX:.0f} "
                f"seconds they have not come to position {position}. Ask again, and see /health/ready."
            )
