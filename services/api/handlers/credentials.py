"""Access keys and passwords: whose, how old, and last used when."""

from domain.foundation.moments import AsOf
from projections.queries.credentials import credentials_at
from services.api.contract.credentials import CredentialsPage, ListCredentials
from services.api.contract.page_markers import make_marker
from services.api.handlers.answer_context import AnswerContext
from services.api.handlers.handler import handles


@handles(ListCredentials)
def answer_list_credentials(
    question: ListCredentials, context: AnswerContext, account_id: str, as_of: AsOf
) -> CredentialsPage:
    (after,) = question.place or (0,)
    found = [key for key in credentials_at(context.cursor, account_id, as_of) if key.created.position > after]
    page = tuple(found[: question.limit])
    return CredentialsPage(
        account_id=account_id,
        limit=question.limit,
        marker=make_marker("ListCredentials", page[-1].created.position) if len(found) > len(page) else None,
        credentials=page,
    )
