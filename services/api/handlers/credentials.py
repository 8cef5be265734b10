"""Access keys, passwords, MFA devices and other credentials of users: whose, how old, and last used when."""

from projections.queries.credentials import credentials_at
from services.api.contract.credentials import CredentialsPage, ListCredentials
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles


@handles(ListCredentials)
def answer_list_credentials(question: ListCredentials, context: AnswerContext) -> CredentialsPage:
    (after,) = question.place or (0,)
    credentials = credentials_at(context.cursor, context.account_id, context.as_of)
    found = [key for key in credentials if key.created.position > after]
    page = tuple(found[: question.limit])
    return CredentialsPage(
        account_id=context.account_id,
        limit=question.limit,
        marker=make_marker("ListCredentials", page[-1].created.position) if len(found) > len(page) else None,
        credentials=page,
    )
