"""Entries as calls leave them behind."""

from datetime import datetime

from benchmarks.signing import USER_AGENT
from domain.calls import ApiCalled, DecisionRecord, StatementRef
from domain.foundation.events import Cause, Entry, Principal

USER_ID = "AIDAMEASURED23456789A"
SHA256 = "6f" * 32


def api_called(account_id: str, position: int, at: datetime, *, event_id: str, request_id: str) -> Entry:
    """GetUser by an administrator, allowed by a managed policy: what most of a ledger looks like, about 1,200 bytes."""
    arn = f"arn:aws:iam::{account_id}:user/admin"
    principal = Principal(type="IAMUser", principal_id=USER_ID, arn=arn, account_id=account_id, user_name="admin")
    statement = StatementRef(
        source_type="managed", source_id="arn:aws:iam::aws:policy/AdministratorAccess", sha256=SHA256, index=0
    )
    decision = DecisionRecord(
        action="iam:GetUser",
        resources=(arn,),
        result="allowed",
        layer="identity",
        matched=(statement,),
        context={},
        positions={account_id: 7},
        evaluator=1,
    )
    cause = Cause(
        origin="api",
        request_id=request_id,
        shared_id=request_id,
        service="iam",
        operation="GetUser",
        principal=principal,
        access_key_id="AKIAMEASURED23456789",
        peer_address="127.0.0.1",
        user_agent=USER_AGENT,
        region="us-east-1",
    )
    called = ApiCalled(read_only=True, parameters={"UserName": "admin"}, decisions=(decision,))
    return Entry(account_id, position, event_id, at, cause, called)
