"""Which credential replaces another, and when a rotation is complete."""

from collections.abc import Iterator

from domain.account import Account
from domain.callers import containing_key
from domain.credential_kinds import HeldCredential, find_credential, lifecycle_kind
from domain.entity_kinds import find_entity
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.credential_use import LAST_USES
from domain.families.key_rotations import KEY_ROTATIONS
from domain.families.notices import Evidence, RotationCompleted
from domain.foundation.credential_kind import CredentialKind


def successor_of(account: Account, held: HeldCredential) -> HeldCredential | None:
    """The oldest active one of the same kind, owner and service that is younger."""
    return next(_successors(account, held), None)


def is_usable(account: Account, key: AccessKey) -> bool:
    """Whether an access key works and somebody may have its secret: not that of a rotation which has handed it over to
    nobody yet."""
    rotation = account[KEY_ROTATIONS].get(key.user_id)
    is_in_no_hands = (
        rotation is not None
        and rotation.new_access_key_id == key.id
        and rotation.stage == "started"
        and key.id not in account[LAST_USES]
    )
    return key.status == "Active" and not is_in_no_hands and containing_key(account, key) is None


def _successors(account: Account, held: HeldCredential) -> Iterator[HeldCredential]:
    for other in lifecycle_kind(held.kind).of(account, held.owner_id):
        if other.active and other.service == held.service and _is_younger(other, held):
            yield other


def _is_younger(other: HeldCredential, held: HeldCredential) -> bool:
    return other.id != held.id and other.created_at > held.created_at


def completed_rotation(account: Account, kind: CredentialKind, credential_id: str) -> tuple[RotationCompleted, ...]:
    """What is recorded before the credential is deactivated or deleted: nothing where it was not active any more, or
    where nothing that anybody could use has replaced it."""
    held = find_credential(account, kind, credential_id)
    younger = _successors(account, held) if held is not None and held.active else ()
    keys = account[ACCESS_KEYS].by_id
    successor = next((each for each in younger if each.id not in keys or is_usable(account, keys[each.id])), None)
    if held is None or successor is None:
        return ()
    found = find_entity(account, held.owner_id)
    completed = RotationCompleted(
        credential=held.kind,
        credential_id=held.id,
        owner_id=held.owner_id,
        owner_name=held.owner_id if found is None else found[1].name,
        successor_id=successor.id,
        evidence=Evidence(created_at=held.created_at, expires_at=held.expires_at, successor_id=successor.id),
    )
    return (completed,)
