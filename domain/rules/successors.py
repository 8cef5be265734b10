"""Which credential replaces another, and when a rotation is complete."""

from domain.account import Account
from domain.credential_kinds import CredentialKind, HeldCredential, credential_family, find_credential
from domain.entity_kinds import find_entity
from domain.families.notices import Evidence, RotationCompleted


def successor_of(account: Account, held: HeldCredential) -> HeldCredential | None:
    """The oldest active one of the same kind, owner and service that is younger."""
    for other in credential_family(held.kind).of(account, held.owner_id):
        if other.active and other.service == held.service and _is_younger(other, held):
            return other
    return None


def _is_younger(other: HeldCredential, held: HeldCredential) -> bool:
    return other.id != held.id and other.created_at > held.created_at


def completed_rotation(account: Account, kind: CredentialKind, credential_id: str) -> tuple[RotationCompleted, ...]:
    """What is recorded before the credential is deactivated or deleted: nothing where it was not active any more, or
    where nothing has replaced it."""
    held = find_credential(account, kind, credential_id)
    successor = successor_of(account, held) if held is not None and held.active else None
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
