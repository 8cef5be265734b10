"""What a user, group or role holds and can do."""

from projections.queries.permissions import permissions_of
from services.api.contract.permissions import ListPermissions, PermissionsReport
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.statements import reach


@handles(ListPermissions)
def answer_list_permissions(question: ListPermissions, context: AnswerContext) -> PermissionsReport:
    found = permissions_of(context.cursor, context.account_id, question.principal, context.as_of)
    return PermissionsReport(
        account_id=context.account_id,
        kind=found.kind,
        entity_id=found.entity_id,
        name=found.name,
        arn=found.arn,
        position=found.moment.position,
        policies=found.policies,
        can=reach(context.own(found.moment.position), found.entity_id),
    )
