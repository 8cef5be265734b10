"""The lineage of a credential: what it gave birth to, what those did, and what of it is alive."""

from services.api.contract.lineage import LineageTree, ShowLineage
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.visibility import AccountVisibility, lineage_doors, visible_lineage


@handles(ShowLineage, reads_everywhere=True)
def answer_show_lineage(question: ShowLineage, context: AnswerContext) -> LineageTree:
    visibility = AccountVisibility(context)
    found = visible_lineage(visibility, question.credential, question.limit, question.compromised_since)
    moment = found.moments[found.seed.account_id]
    return LineageTree(
        account_id=found.seed.account_id,
        position=moment.position,
        at=moment.at,
        limit=question.limit,
        stopped_after_nodes=found.stopped_after_nodes,
        nodes=found.nodes,
        unfollowed=found.unfollowed,
        open_doors=lineage_doors(visibility, found),
        left=found.left,
        unexamined_calls=found.unexamined_calls,
    )
