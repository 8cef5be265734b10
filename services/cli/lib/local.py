"""Asking the database itself, as the operator of the server's machine. That is recorded, with who it was."""

import argparse
import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar

from domain.account import Account
from domain.calls import ApiCalled, Facts, FactsQuery
from domain.families.access_reviews import ReviewQuery, UndecidedQuery
from domain.families.containment import LineageQuery
from domain.families.credential_owners import OwnerQuery
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import INSTALLATION
from services.accounts import installation_in, operator_cause
from services.api.contract.question import Answer, Question
from services.api.handlers.handler import Decided, decide_question
from services.api.handlers.requester import Requester
from services.api.server.answer_runner import AnswerRunner
from services.cli.lib.operator_database import (
    database_failures,
    ledger_without_master_key,
    operator_settings,
    running_database,
)
from services.cli.lib.terminal import Failure
from services.ledger.historical_states import HistoricalStateResolver
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.pending_call import CallResult, CommittedCall, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime
from services.wire.fact_rounds import FoundFacts, decide_with_facts

A = TypeVar("A", bound=Answer)


class LocalClient:
    """Whoever may open the database. No policy is asked: it could not hold them anyway."""

    def __init__(self, ledger: LedgerRuntime, account_id: str) -> None:
        self._ledger = ledger
        self._account_id = account_id
        self._tables = AnswerRunner(ledger.runner, ledger.readers.connection, ledger.past, for_operator=True)
        self._lineages = LineageResolver(ledger.readers.connection, ledger.runner, ledger.past)

    def ask(self, question: Question[A]) -> A:
        """Raises refusals."""
        operation = type(question).__name__
        cause = operator_cause(operation, secrets.token_bytes)

        def decide(facts: Facts | None, values: LedgerStates, at: datetime) -> CallResult:
            account = values[self._account_id]
            assert isinstance(account, Account)
            try:
                outcome = decide_question(question, account, Requester.operator(values, at, facts, secrets.token_bytes))
            except NoSuchEntity as refusal:
                raise refusal.suggesting() from None
            called = ApiCalled(
                read_only=question.read_only, parameters=question.model_dump(mode="json", exclude_unset=True)
            )
            written = {account.id: outcome.events, **outcome.elsewhere}
            appends = [LedgerAppend(other, cause, [*events, called]) for other, events in written.items()]
            return CallResult((at, outcome.answer(account)), appends, outcome.then)

        committed = self._decided(decide)
        at, told = committed.result
        return self._tables.answer(question, self._account_id, committed.positions[self._account_id], at, Decided(told))

    def _decided(self, decide: Callable[[Facts | None, LedgerStates, datetime], CallResult]) -> CommittedCall:
        async def in_round(found: FoundFacts) -> CommittedCall:
            if isinstance(found.refusal, NoSuchEntity):
                raise found.refusal.suggesting()
            if found.refusal is not None:
                raise found.refusal
            return self._ledger.committer.decide(frozenset({self._account_id}), partial(decide, found.facts))

        async def find(wanted: FactsQuery) -> Facts:
            if isinstance(wanted, OwnerQuery):
                return self._lineages.owners(wanted)
            if isinstance(wanted, ReviewQuery | UndecidedQuery):
                return HistoricalStateResolver(self._ledger.readers.connection, self._ledger.past).found(wanted)
            assert isinstance(wanted, LineageQuery)
            return self._lineages.found(wanted)

        return asyncio.run(decide_with_facts(in_round, find))


@contextmanager
def open_local_client(args: argparse.Namespace) -> Iterator[LocalClient]:
    """Raises Failure when there is no database, nobody serves it, or the account is not clear."""
    with database_failures():
        ledger = ledger_without_master_key(running_database(operator_settings(args)))
        with ledger.running():
            yield LocalClient(ledger, _chosen_account(ledger, args.account_id))


def _chosen_account(ledger: LedgerRuntime, wanted: str | None) -> str:
    """The account that is meant: the one that there is, or the one named."""

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        return CallResult(sorted(installation_in(values).accounts), [])

    accounts: list[str] = ledger.committer.decide(frozenset({INSTALLATION}), decide).result
    if wanted is not None and wanted not in accounts:
        raise Failure(f"There is no account {wanted} here; there {_there_are(accounts)}.")
    if wanted is None and len(accounts) != 1:
        raise Failure(f"Specify an account with --account-id: there {_there_are(accounts)}.")
    return wanted or accounts[0]


def _there_are(accounts: list[str]) -> str:
    return f"is {accounts[0]}" if len(accounts) == 1 else f"are {', '.join(accounts) or 'none'}"
