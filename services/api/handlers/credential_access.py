"""Who may ask about a credential: by whose it is, however it is called (docs/adr/0044)."""

from typing import Any

from domain.account import Account
from domain.authorization import authorize, layers_of
from domain.calls import Call, NeedsFacts
from domain.families.containment import LineageFacts
from domain.families.credential_owners import OwnerFacts, OwnerQuery
from domain.foundation.errors import Throttling
from domain.foundation.identifiers import arn
from domain.policy import reachable
from domain.queries.named import credential_owners, owner_resource, resources_if_there
from domain.time_travel import TIME_TRAVEL
from services.api.contract.question import SERVICE, Question
from services.api.handlers.handler import Owners
from services.wire.errors import ServiceUnavailable


def authorize_credential(question: Question[Any], account: Account, call: Call) -> Owners:
    """Of a question with a `credential`: whose it may be that the caller may ask about. Of a name that may mean
    several, all have to be allowed; what does not exist is judged as that of a user and of a role of the name.

    Raises AccessDenied, which tells no more than the caller has said, ServiceUnavailable where nobody knows whose it
    is, NeedsFacts and NeedsAccounts.
    """
    credential: str = question.credential  # type: ignore[attr-defined]  # that is what such a question has
    actions = [f"{SERVICE}:{type(question).__name__}", *([] if question.moment is None else [TIME_TRAVEL])]
    named = account.arn(f"credential/{credential}", SERVICE)
    reach = reachable(layers_of(account, call.caller), actions)
    for action in actions:
        if action not in reach:
            # It is denied whosever the credential is: that is not worth finding out.
            authorize(account, call, action, named)
    home, owners = _owners(question, credential, account, call)
    for resource in owners.values() or resources_if_there(credential):
        for action in actions:
            target = arn(account.partition, SERVICE, home, f"credential/{resource}")
            authorize(account, call, action, target, named=named)
    return frozenset((home, owner_id) for owner_id in owners)


def _owners(question: Question[Any], credential: str, account: Account, call: Call) -> tuple[str, dict[str, str]]:
    """The account, and the owners there by unique id with what follows the account in their ARNs."""
    match call.facts:
        case LineageFacts() as lineage:
            home = call.account(lineage.wanted.account_id)
            seeds = (each.owner_id for each in lineage.descendants if each.parent_account_id is None)
            return home.id, _resources(home, {*credential_owners(home, credential), *seeds})
        case OwnerFacts() as facts:
            if not facts.complete:
                raise ServiceUnavailable(f"The tables of {facts.account_id} lag behind its ledger: ask again.")
            if facts.account_id == account.id:
                return account.id, _resources(account, {each.owner_id for each in facts.owners})
            return facts.account_id, {each.owner_id: each.resource for each in facts.owners}
        case _:
            now = credential_owners(account, credential) if question.moment is None else set()
            if not now:
                as_of = None if question.moment is None else question.moment.as_of(call.at)
                wanted = OwnerQuery(account.id, credential, call.at, as_of)
                raise NeedsFacts(wanted, unsettled=Throttling("Whose the credential is could not be found in time."))
            return account.id, _resources(account, now)


def _resources(account: Account, owner_ids: set[str]) -> dict[str, str]:
    return {owner_id: owner_resource(account, owner_id) for owner_id in sorted(owner_ids)}
