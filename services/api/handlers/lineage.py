"""The lineage of a credential: what it gave birth to, what those did, and what of it is alive."""

from domain.foundation.moments import AsOf
from projections.queries.lineage import LineageItem, UnfollowedItem
from services.api.contract.lineage import LineageNode, LineageTree, NodePosition, ShowLineage, UnfollowedBranch
from services.api.handlers.answer_context import AnswerContext
from services.api.handlers.handler import handles
from services.api.handlers.visibility import AccountVisibility, visible_lineage


def lineage_node(node: LineageItem) -> LineageNode:
    parent = None if node.parent is None else NodePosition(account_id=node.parent[0], position=node.parent[1])
    known = {name: getattr(node, name) for name in LineageNode.model_fields}
    return LineageNode.model_validate(known | {"parent": parent})


def unfollowed_branch(way: UnfollowedItem, reason: str) -> UnfollowedBranch:
    known = {name: getattr(way, name) for name in ("account_id", "kind", "subject_id", "arn", "at")}
    parent = NodePosition(account_id=way.parent[0], position=way.parent[1])
    return UnfollowedBranch.model_validate(known | {"parent": parent, "reason": reason})


@handles(ShowLineage, reads_everywhere=True)
def answer_show_lineage(question: ShowLineage, context: AnswerContext, account_id: str, as_of: AsOf) -> LineageTree:
    sight = AccountVisibility(context, account_id, as_of.now)
    found = visible_lineage(sight, question.credential, as_of, question.limit)
    moment = found.moments[found.seed.account_id]
    return LineageTree(
        account_id=found.seed.account_id,
        position=moment.position,
        at=moment.at,
        limit=question.limit,
        stopped_after_nodes=found.stopped_after_nodes,
        nodes=tuple(map(lineage_node, found.nodes)),
        unfollowed=tuple(unfollowed_branch(way, sight.obstacles[way.account_id]) for way in found.unfollowed),
    )
