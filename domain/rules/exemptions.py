"""Exemptions: who is exempted from the lifecycle profile's rules or from controls, for how long, and their end."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.account import Account
from domain.families.exemptions import EXEMPTIONS, Exemption, ExemptionGranted, ExemptionRevoked, exemptions_of
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.moments import format_rfc3339
from domain.foundation.nearest import nearest
from domain.rules.lifecycle import subject_name

NO_CONTROLS: Mapping[str, str] = MappingProxyType({})
DAYS_MAX = 3_650
REASON_CHARACTERS_MAX = 256
OF_ACCOUNT_MAX = 500
OF_OWNER_MAX = 20


def grant_exemption(
    account: Account,
    *,
    exemption_id: str,
    owner_id: str,
    kinds: tuple[CredentialKind, ...],
    reason: str,
    until: datetime,
    at: datetime,
    controls: Mapping[str, str] = NO_CONTROLS,
) -> ExemptionGranted:
    """Of these kinds of the owner's credentials, none: of all; or from these controls, which there are, each with the
    digest of what it looks at. Raises ValidationError and LimitExceeded."""
    if controls and kinds:
        raise ValidationError("An exemption is of kinds of credentials or from controls: give one or the other.")
    if until <= at:
        raise ValidationError(f"An exemption ends in the future; got {format_rfc3339(until)}.")
    if until > at + timedelta(days=DAYS_MAX):
        raise ValidationError(f"An exemption is for at most {DAYS_MAX} days; got {format_rfc3339(until)}.")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise ValidationError(
            f"An exemption has a reason of 1 to {REASON_CHARACTERS_MAX} characters; got {len(reason.strip())}."
        )
    of_owner, of_account = len(exemptions_of(account, owner_id)), sum(1 for _ in all_exemptions(account))
    if of_owner >= OF_OWNER_MAX:
        raise LimitExceeded(f"{subject_name(account, owner_id)} has {of_owner} exemptions; at most {OF_OWNER_MAX}.")
    if of_account >= OF_ACCOUNT_MAX:
        raise LimitExceeded(f"The account has {of_account} exemptions; at most {OF_ACCOUNT_MAX}.")
    return ExemptionGranted(
        exemption_id=exemption_id,
        owner_id=owner_id,
        owner_name=subject_name(account, owner_id),
        kinds=tuple(dict.fromkeys(kinds)),
        reason=reason.strip(),
        until=until,
        controls=tuple(controls) or None,
        asked=tuple(controls.values()) or None,
    )


def revoke_exemption(account: Account, *, exemption_id: str, at: datetime) -> ExemptionRevoked:
    """Raises NoSuchEntity, also for one that is over and not yet recorded so."""
    known = {each.id: each for each in all_exemptions(account) if each.until > at}
    found = known.get(exemption_id)
    if found is None:
        raise NoSuchEntity(
            f"Account {account.id} has no exemption {exemption_id}.", suggestion=nearest(exemption_id, known)
        )
    return ExemptionRevoked(
        exemption_id=found.id, owner_id=found.owner_id, owner_name=subject_name(account, found.owner_id)
    )


def all_exemptions(account: Account) -> Iterator[Exemption]:
    for theirs in account[EXEMPTIONS].values():
        yield from theirs.values()
