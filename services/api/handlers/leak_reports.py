"""Reports of leaked access keys: what they come to, whoever reports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from domain.account import Account, AccountChange
from domain.calls import Outcome
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.containment import Seed
from domain.families.leak_reports import LEAK_REPORTS
from domain.foundation.errors import LimitExceeded, OperationNotPermittedException, Refusal
from domain.foundation.identifiers import SESSION_KEY
from domain.foundation.suggested_commands import suggested_command
from domain.queries.containment import ContainmentBarrier, refuse_lockout
from domain.queries.named import home_account_of
from domain.read_models.lineage import NODES_MAX
from domain.rules.access_keys import owner_name, update_access_key
from domain.rules.leak_reports import OnCompromise, is_known, on_compromise, report_leak
from projections.queries.readable import ProjectionBehind
from services.api.contract.containment import Contain
from services.api.contract.leak_reports import LeakedKey, LeakedKeys, ReportLeakedKeys
from services.api.contract.question import SERVICE
from services.api.handlers.containment import mark_lineage
from services.api.handlers.handler import AnswerContext, decides, handles
from services.api.handlers.requester import Requester
from services.api.handlers.visibility import AccountVisibility, arn_of, visible_lineage, why_unmanaged

ACTION = f"{SERVICE}:ReportLeakedKeys"
CONTAINMENT_REASON = "reported leaked"


class FoundKey(NamedTuple):
    """An access key that was found where it should not be."""

    access_key_id: str
    reporter: str
    source: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What has come of a found."""

    key: AccessKey
    """As it was before."""
    home: Account
    """As it is afterwards."""
    events: Mapping[str, Sequence[AccountChange]]
    """By account; none where the same was reported before."""
    response: OnCompromise
    not_done: str | None


def report_found_key(
    found: FoundKey, home_id: str, requester: Requester, barred: ContainmentBarrier, *, repeats: bool
) -> Report | None:
    """None of a key that is not there, or not to be known of. Unless `repeats`, what was reported before changes
    nothing. Raises NeedsAccounts."""
    home = requester.accounts([home_id]).get(home_id)
    if home is None or not home.is_open or barred(home) is not None:
        return None
    key = home[ACCESS_KEYS].by_id.get(found.access_key_id)
    if key is None:
        return None
    wanted = on_compromise(home, key.user_id)
    reported = report_leak(home, key, reporter=found.reporter, source=found.source, url=found.url)
    if not repeats and is_known(home, reported):
        return Report(key, home, {}, wanted, None)
    response, not_done = _respond(home, key, wanted, requester, barred)
    events = {**response, home.id: (reported, *response.get(home.id, ()))}
    return Report(key, _folded(home, events[home.id], requester), events, wanted, not_done)


def _respond(
    home: Account, key: AccessKey, wanted: OnCompromise, requester: Requester, barred: ContainmentBarrier
) -> tuple[Mapping[str, Sequence[AccountChange]], str | None]:
    """By account, what the account wants done; and why that was not done, or less. Raises NeedsAccounts."""
    if wanted == "record":
        return {}, None
    if key.user_id == home.id:
        return {}, "It is a key of the root user, which only a person deactivates."
    contained, not_done = dict[str, Sequence[AccountChange]](), None
    if wanted == "contain":
        question = Contain(credential=key.id, reason=CONTAINMENT_REASON)
        try:
            _, marking = mark_lineage(question, home, requester, barred, Seed(key.id, key.user_id))
            contained = {account_id: (event,) for account_id, event in marking.items()}
        except (LimitExceeded, OperationNotPermittedException) as refusal:
            not_done = f"Not contained: {refusal.message}"
    deactivated: Sequence[AccountChange] = update_access_key(
        home, user_id=key.user_id, access_key_id=key.id, status="Inactive"
    )
    try:
        refuse_lockout(home, home, deactivated, requester.at)
    except OperationNotPermittedException as refusal:
        return contained, not_done or f"Not deactivated: {refusal.message}"
    return {**contained, home.id: (*contained.get(home.id, ()), *deactivated)}, not_done


def _folded(account: Account, events: Sequence[AccountChange], requester: Requester) -> Account:
    for event in events:
        account = event.fold(account, requester.at)
    return account


def report_found_keys(
    found_keys: Sequence[FoundKey], account_id: str, requester: Requester, barred: ContainmentBarrier, *, repeats: bool
) -> tuple[Sequence[Report | None], Mapping[str, Sequence[AccountChange]]]:
    """One after the other, each on what the one before has left; and all their events by account. A key that carries no
    account is taken for one of `account_id`. Raises NeedsAccounts."""
    reports = list[Report | None]()
    events = dict[str, list[AccountChange]]()
    installation = requester.installation()
    for found in found_keys:
        home_id = home_account_of(found.access_key_id, account_id, installation)
        report = report_found_key(found, home_id, requester, barred, repeats=repeats)
        reports.append(report)
        for changed_id, changes in ({} if report is None else report.events).items():
            before = requester.accounts([changed_id])[changed_id]
            after = _folded(before, changes, requester)
            requester = replace(requester, ledgers={**requester.ledgers, changed_id: after})
            events.setdefault(changed_id, []).extend(changes)
    return reports, events


@decides(ReportLeakedKeys)
def decide_report_leaked_keys(question: ReportLeakedKeys, account: Account, requester: Requester) -> Outcome:
    """Raises NeedsAccounts."""
    reporter = "operator" if requester.caller is None else requester.caller.principal.arn
    named = dict.fromkeys(question.access_key_ids)
    found_keys = [FoundKey(each, reporter, question.source, question.url) for each in named]
    barred = _barred(account, requester)
    reports, events = report_found_keys(found_keys, account.id, requester, barred, repeats=True)
    own = events.get(account.id, ())
    elsewhere = {account_id: changes for account_id, changes in events.items() if account_id != account.id}
    told = {"reports": dict(zip(named, reports, strict=True))}
    return Outcome(lambda _after: told, own, elsewhere=elsewhere)


def _barred(account: Account, requester: Requester) -> Callable[[Account], str | None]:
    """Into other accounts reports whoever manages them, and may report there; the operator into all."""
    asked: dict[str, str | None] = {}

    def barred(other: Account) -> str | None:
        if requester.caller is None or other.id == account.id:
            return None
        if other.id not in asked:
            why = why_unmanaged(account.id, other)
            asked[other.id] = why or requester.denied(ACTION, other.arn(ReportLeakedKeys.resource, SERVICE))
        return asked[other.id]

    return barred


@handles(ReportLeakedKeys, reads_everywhere=True)
def answer_report_leaked_keys(_question: ReportLeakedKeys, context: AnswerContext) -> LeakedKeys:
    reports = context.decided.told["reports"]
    assert isinstance(reports, Mapping)
    visibility = AccountVisibility(context)
    keys = [_unknown(key_id) if report is None else _told(report, visibility) for key_id, report in reports.items()]
    return LeakedKeys(account_id=context.account_id, keys=tuple(keys))


def _told(report: Report, visibility: AccountVisibility) -> LeakedKey:
    key_id, home = report.key.id, report.home
    descendants, alive = None, None
    with suppress(Refusal, ProjectionBehind):  # What was done, stands: it is to be told.
        nodes = [node for node in visible_lineage(visibility, key_id, NODES_MAX, newest=True).nodes if node.depth]
        descendants, alive = len(nodes), sum(node.alive and node.gives_access for node in nodes)
    commands = [suggested_command("muniment", "trace", key_id), suggested_command("muniment", "contain", key_id)]
    if report.key.user_id != home.id:
        rotate = ("muniment", "rotate", "access-key", owner_name(home, report.key.user_id), "--force-now")
        commands.append(f"{suggested_command(*rotate)} --to-file FILE")
    return LeakedKey(
        access_key_id=key_id,
        known=True,
        account_id=home.id,
        owner=arn_of(home, report.key.user_id),
        status=home[ACCESS_KEYS].by_id[key_id].status,
        reports=home[LEAK_REPORTS][key_id].count,
        response=report.response,
        done=tuple(event.describe() for changes in report.events.values() for event in changes),
        not_done=report.not_done,
        descendants=descendants,
        alive=alive,
        next_commands=tuple(commands),
    )


def _unknown(access_key_id: str) -> LeakedKey:
    """That of a session no account's value knows: containment finds it."""
    of_session = access_key_id.startswith(SESSION_KEY)
    return LeakedKey(
        access_key_id=access_key_id,
        known=False,
        account_id=None,
        owner=None,
        status=None,
        reports=0,
        response=None,
        done=(),
        not_done="It is the key of a session, which is not reported but contained." if of_session else None,
        descendants=None,
        alive=None,
        next_commands=(suggested_command("muniment", "contain", access_key_id),) if of_session else (),
    )
