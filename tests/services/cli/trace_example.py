"""A credential's story for tests of how it is told, with one text in every place that a request fills."""

from datetime import UTC, datetime, timedelta

from domain.foundation.moments import EventRef, Moment
from domain.read_models.credential_activity import CallTallies, CallTally, TracedCall
from domain.read_models.lineage import LineageNode, NodePosition, StateSince, UnfollowedBranch
from services.api.contract.tracing import (
    AccountRemediation,
    CredentialUse,
    Owner,
    RemediationPlan,
    Trace,
    TracedLineage,
)
from services.api.contract.unused_permissions import UnusedAction, UnusedByCredential, UnusedPermissions, UnusedService

ACCOUNT = "123456789012"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SEED = NodePosition(account_id=ACCOUNT, position=10)


def node(position: int, text: str, **more: object) -> LineageNode:
    of: dict[str, object] = {
        "account_id": ACCOUNT,
        "position": position,
        "at": AT + timedelta(minutes=position),
        "request_id": f"r-{position}",
        "parent": SEED,
        "depth": 1,
        "kind": "user",
        "subject_id": text,
        "owner_id": text,
        "name": text,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{text}",
        "access_key_id": None,
        "version": None,
        "sha256": None,
        "by": text,
        "by_access_key_id": None,
        "by_session_id": None,
        "expires_at": None,
        "state": "active",
        "since": None,
        "alive": True,
    }
    return LineageNode.model_validate(of | more)


def call(position: int, text: str, error_code: str | None = None) -> TracedCall:
    return TracedCall(
        position=position,
        at=AT + timedelta(minutes=position),
        request_id=f"r-{position}",
        access_key_id="AKIASEED",
        session_id=None,
        principal_arn=text,
        source_address=text,
        user_agent=text,
        service="iam",
        operation=text,
        read_only=False,
        error_code=error_code,
        error_message=text,
        resources=(text,),
    )


def story(text: str, **more: object) -> Trace:
    """With this text wherever one can come from a request."""
    seed = node(10, text, parent=None, depth=0, kind="access_key", subject_id="AKIASEED", access_key_id="AKIASEED")
    ended = EventRef(90, AT + timedelta(minutes=90), text)
    gone, user = StateSince.model_validate(ended), NodePosition(account_id=ACCOUNT, position=22)
    nodes = (
        seed,
        node(21, text, kind="session", arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/{text}", expires_at=AT),
        node(22, text),
        node(23, text, kind="attachment", state="removed", alive=False, since=gone, parent=user, depth=2),
        node(24, text, kind="inline_policy"),
    )
    tally = CallTally(text, Moment(11, AT), Moment(30, AT), 2, 1)
    calls = (call(11, text), call(30, text, "AccessDenied"))
    of: dict[str, object] = {
        "account_id": ACCOUNT,
        "position": 99,
        "at": AT,
        "seed": seed,
        "owner": Owner(
            kind="user", entity_id="AIDAX", arn_then=text, arn_now=None, created=EventRef(3, AT, text), ended=ended
        ),
        "first_use": calls[0],
        "last_use": calls[1],
        "did": (
            CredentialUse(
                account_id=ACCOUNT,
                looked_at=9,
                stopped_position=30,
                addresses=CallTallies((tally,), 3),
                user_agents=CallTallies((tally,), 1),
                operations=CallTallies((tally,), 1),
                calls=calls,
                calls_left=7,
                histories=("muniment history --access-key-id AKIASEED",),
                histories_left=0,
            ),
        ),
        "descent": TracedLineage(
            nodes=nodes,
            alive=nodes[:1],
            unfollowed=(
                UnfollowedBranch(
                    account_id="210987654321",
                    kind="session",
                    subject_id=text,
                    arn=text,
                    at=AT,
                    parent=SEED,
                    reason=text,
                ),
            ),
            stopped_after_nodes=5,
        ),
        "could_have": UnusedPermissions(
            whose=(
                UnusedByCredential(
                    credential=seed,
                    same=(text,),
                    first=Moment(11, AT),
                    last=Moment(30, AT),
                    permissions=1,
                    stopped_position=29,
                ),
            ),
            left=3,
            actions=(UnusedAction(action="iam:GetUser", conditional=True),),
            services=(UnusedService(service="s3", actions=3, conditional=1, granted_by=(text,)),),
            catalogue="1",
        ),
        "containment": RemediationPlan(
            contain="muniment contain AKIASEED",
            accounts=(AccountRemediation(account_id=ACCOUNT, commands=(f"aws iam delete-user {text}",), left=2),),
        ),
    }
    return Trace.model_validate(of | more)
