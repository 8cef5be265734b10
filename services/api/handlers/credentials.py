"""Credentials of every kind: whose, how old, last used when, and where each stands in its life."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, cast

from domain.account import Account
from domain.credential_kinds import HeldCredential
from domain.families.notices import CredentialExpired, CredentialIdle, RotationOverdue, RotationOverlapExceeded
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.moments import AsOf
from domain.queries.credential_lives import held_credentials, lifecycle_of
from domain.queries.named import credential_holder
from domain.read_models.credentials import (
    AccessKeyCredential,
    AgeingEntity,
    Credential,
    CredentialLifecycle,
    HeldUserCredential,
    MFADeviceCredential,
    PasswordCredential,
    RecordedCredential,
)
from projections.queries.credentials import credentials_at
from projections.queries.ledger_positions import resolve_in_projection
from services.api.contract.credentials import CredentialsPage, ListCredentials, span_of
from services.api.contract.page_markers import make_marker
from services.api.handlers.handler import AnswerContext, handles

EXAMINED_MAX = 10_000
"""Of what there is, for one page."""
_OVERDUE = {RotationOverdue.about, RotationOverlapExceeded.about, CredentialExpired.about}
AgeingKind = Literal["user", "role", "server_certificate", "provider_certificate"]
_Key = tuple[CredentialKind, str]


@handles(ListCredentials)
def answer_list_credentials(question: ListCredentials, context: AnswerContext) -> CredentialsPage:
    place, as_of = question.place or (0, None), context.as_of
    if place[1] is not None and question.moment is None:
        # Every page is as of the first: the calls that turn the pages are calls too.
        as_of = AsOf(as_of.now, position=place[1])
    moment = resolve_in_projection(context.cursor, "credentials", context.account_id, as_of)
    account = context.own(moment.position)
    recorded = {_key(each): each for each in credentials_at(context.cursor, context.account_id, as_of)}
    keys = _in_order(question, account, recorded)
    fits = _filter(question, moment.at)
    page: list[Credential] = []
    end = first = place[0]
    for key, held in keys[first : first + EXAMINED_MAX]:
        if len(page) == question.limit:
            break
        end += 1
        life = None if held is None else lifecycle_of(account, held, moment.at)
        if fits(life):
            page.append(_told(recorded.get(key), held, life, moment.at))
    return CredentialsPage(
        account_id=context.account_id,
        limit=question.limit,
        marker=make_marker("ListCredentials", end, moment.position) if end < len(keys) else None,
        at=moment.at,
        credentials=tuple(page),
    )


def _in_order(
    question: ListCredentials, account: Account, recorded: Mapping[_Key, RecordedCredential]
) -> list[tuple[_Key, HeldCredential | None]]:
    """The oldest first; those that the account's value does not know, such as root's password, in their places."""
    holder = None if question.user is None else credential_holder(account, question.user)
    kinds = None if question.kind is None else question.kind.split(",")
    held = {(each.kind, each.id): each for each in held_credentials(account)}
    ages = {key: each.created_at for key, each in held.items()}
    owners = {key: each.owner_id for key, each in held.items()}
    for key, each in recorded.items():
        if key not in held and isinstance(each, PasswordCredential):
            ages[key], owners[key] = each.changed.at, each.user_id
    found = [key for key in ages if (kinds is None or key[0] in kinds) and (holder is None or owners[key] == holder)]
    return [(key, held.get(key)) for key in sorted(found, key=lambda key: (ages[key], *key))]


def _filter(question: ListCredentials, at: datetime) -> Callable[[CredentialLifecycle | None], bool]:
    until = None if question.due_within is None else at + span_of(question.due_within)

    def fits(life: CredentialLifecycle | None) -> bool:
        stands = set() if life is None else {each.what for each in life.stands}
        due = None if life is None else life.due
        return (
            (until is None or (due is not None and due.at <= until))
            and (not question.overdue or bool(stands & _OVERDUE))
            and (not question.idle or CredentialIdle.about in stands)
        )

    return fits


def _key(credential: RecordedCredential) -> _Key:
    match credential:
        case AccessKeyCredential():
            return credential.kind, credential.access_key_id
        case PasswordCredential():
            return credential.kind, credential.user_id
        case MFADeviceCredential():
            return credential.kind, credential.serial_number
        case HeldUserCredential():
            return credential.kind, credential.credential_id


def _told(
    recorded: RecordedCredential | None, held: HeldCredential | None, life: CredentialLifecycle | None, at: datetime
) -> Credential:
    if recorded is not None:
        return replace(recorded, lifecycle=life)
    assert held is not None
    assert life is not None
    return AgeingEntity(
        entity_id=held.id,
        name=life.owner_name,
        created_at=held.created_at,
        age_days=(at - held.created_at).days,
        expires_at=held.expires_at,
        expired=held.expires_at is not None and held.expires_at <= at,
        kind=cast("AgeingKind", held.kind),
        lifecycle=life,
    )
