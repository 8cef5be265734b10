"""Decisions of a call, made again and explained statement by statement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from domain.policy import Mismatch
from services.api.contract.question import Answer, Question, Text


class ExplainedStatement(Answer):
    """A statement about the action. Another account's is named by policy, digest and index: Sid and mismatch, which
    would tell its text, are null."""

    layer: str
    level: str | None
    """Of an organisation: the root, unit or account that the policy is attached to."""
    account_id: str
    """Whose policy it is."""
    source_type: str
    source_id: str
    policy: str
    """For people, such as `inline policy deploying of role/deployer`."""
    version_id: str | None
    sha256: str
    """Of the document's text."""
    index: int
    sid: str | None
    effect: str
    applies: bool
    mismatch: Mismatch | None
    """The first element that does not match."""


class ExplainedDecision(Answer):
    action: str
    resource: str
    recorded_result: str
    recorded_layer: str
    recorded_evaluator: int
    result: str
    """As the decision comes out when it is made again from the ledger."""
    layer: str
    evaluator: int
    agrees: bool | None
    """Whether it came out as it was recorded, by the same statements. If not, and the evaluators are the same, the
    ledger is no longer what it was. Null where it was not made again, since what it read was not kept: result and
    layer are those recorded, and no statements are told."""
    verdict: str
    """One line, in AWS's words, or why it was not made again."""
    positions: Mapping[str, int]
    """Of the last change that was folded into each account that was read."""
    context: Mapping[str, tuple[str, ...]]
    """Of the condition keys that the account's policies asked for, those that the call had."""
    missing_keys: tuple[str, ...]
    """And those that it did not have."""
    statements: tuple[ExplainedStatement, ...]


class ExplainedCall(Answer):
    account_id: str
    request_id: str
    position: int
    at: datetime
    principal_arn: str | None
    service: str
    operation: str
    error_code: str | None
    error_message: str | None
    decisions: tuple[ExplainedDecision, ...]
    """Of policies, in the order in which they were made; none where no policy was asked."""


class ExplainDecision(Question[ExplainedCall]):
    """Why a call was allowed or denied: its decisions, made again from the ledger, statement by statement."""

    path = "/v1/decisions/{request_id}"
    resource = "decision/{request_id}"

    request_id: Annotated[Text, AfterValidator(str.lower)]
    """In any case."""
