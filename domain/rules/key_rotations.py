"""Rotations of access keys: which step may be taken when. The old key is deactivated when the new one was handed over
and then seen in use, and deleted when the observation is over; nothing here believes a client (docs/adr/0056)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, AccountChange
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.credential_use import LAST_USES
from domain.families.key_rotations import (
    KEY_ROTATIONS,
    HandoverKind,
    KeyRotation,
    KeyRotationFinished,
    KeyRotationHandedOver,
    KeyRotationObserved,
    KeyRotationStarted,
    KeyRotationStopped,
)
from domain.families.leak_reports import LEAK_REPORTS
from domain.foundation.errors import NoSuchEntity, OperationNotPermittedException
from domain.foundation.suggested_commands import suggested_command
from domain.rules.access_keys import create_access_key, delete_access_key, owner_name, update_access_key

Steps = Sequence[AccountChange]


class Wait(NamedTuple):
    """What a rotation waits for."""

    what: str
    until: datetime | None = None
    """When that is over, where time alone decides."""


def start(
    account: Account,
    *,
    user_id: str,
    old_access_key_id: str | None,
    new_access_key_id: str,
    replaces: str | None,
    observe_days: int,
) -> Steps:
    """With a key that is made, unless the user has two and says which of them is the old one. None where it is under
    way already, unless the key that it has made was lost before anybody got its secret: `replaces` names that one.

    Raises NoSuchEntity and OperationNotPermittedException.
    """
    rotation = account[KEY_ROTATIONS].get(user_id)
    if rotation is not None and not _has_lost_its_key(account, rotation):
        _refuse_other_old(account, rotation, old_access_key_id)
        if replaces is None:
            return ()
        given_up = _given_up(account, rotation, replaces)
        after = account
        for event in given_up:
            after = event.fold(after, rotation.started_at)
        created = create_access_key(after, user_id=user_id, access_key_id=new_access_key_id)
        started = _started(account, rotation.old_access_key_id, created.access_key_id, user_id, observe_days)
        return *given_up, created, started
    if replaces is not None:
        raise OperationNotPermittedException(f"No rotation of {owner_name(account, user_id)} has made {replaces}.")
    keys = account[ACCESS_KEYS].of(user_id)
    old = _old_key(account, user_id, keys, old_access_key_id)
    if len(keys) > 1:
        (new,) = (key for key in keys if key.id != old.id)
        started = _started(account, old.id, new.id, user_id, observe_days, made_key=False)
        return started, _step(account, KeyRotationHandedOver, started, to="named")
    created = create_access_key(account, user_id=user_id, access_key_id=new_access_key_id)
    return created, _started(account, old.id, created.access_key_id, user_id, observe_days)


def hand_over(account: Account, *, user_id: str, new_access_key_id: str, to: HandoverKind) -> Steps:
    """None where it was recorded before. Raises NoSuchEntity, and OperationNotPermittedException for another key than
    the rotation's."""
    rotation = rotation_of(account, user_id)
    if rotation.new_access_key_id != new_access_key_id:
        raise OperationNotPermittedException(
            f"The rotation of {owner_name(account, user_id)} is to {rotation.new_access_key_id}, and no more to "
            f"{new_access_key_id}: somebody has started it anew meanwhile."
        )
    return () if rotation.stage != "started" else (_step(account, KeyRotationHandedOver, rotation, to=to),)


def advance(account: Account, *, user_id: str, at: datetime, force: bool = False) -> Steps:
    """The next step, where it may be taken; none while `wait_of` tells what for. Forced, the old key is deactivated
    though the new one was not seen in use; it is deleted no sooner. Raises NoSuchEntity."""
    rotation = rotation_of(account, user_id)
    if (reason := _why_stopped(account, rotation, force=force)) is not None:
        return (_step(account, KeyRotationStopped, rotation, reason=reason),)
    old = account[ACCESS_KEYS].by_id.get(rotation.old_access_key_id)
    if old is None and rotation.stage != "started":
        return (_step(account, KeyRotationFinished, rotation),)
    if rotation.stage == "handed over" and (force or is_seen_in_use(account, rotation)):
        deactivated = update_access_key(
            account, user_id=user_id, access_key_id=rotation.old_access_key_id, status="Inactive"
        )
        return *deactivated, _step(account, KeyRotationObserved, rotation, forced=force)
    if rotation.delete_at is not None and rotation.delete_at <= at:
        deleted = delete_access_key(account, user_id=user_id, access_key_id=rotation.old_access_key_id)
        return *deleted, _step(account, KeyRotationFinished, rotation)
    return ()


def stop(account: Account, *, user_id: str, reason: str | None) -> Steps:
    """With the new key, where nobody has its secret; else the keys stay as they are. Raises NoSuchEntity."""
    rotation = rotation_of(account, user_id)
    stopped = _step(account, KeyRotationStopped, rotation, reason=reason or "on request")
    return (*_lost_key(account, rotation), stopped)


def wait_of(account: Account, rotation: KeyRotation) -> Wait:
    """What the next step needs, or that it can be taken."""
    if rotation.stage == "started":
        return Wait(f"the handover of {rotation.new_access_key_id}: run `muniment rotate access-key` again")
    if rotation.stage == "observing":
        return Wait(f"the end of the observation of {rotation.old_access_key_id}", rotation.delete_at)
    if is_seen_in_use(account, rotation):
        return Wait(f"nothing: {rotation.new_access_key_id} was seen in use, run `muniment rotate access-key` again")
    new = account[ACCESS_KEYS].by_id.get(rotation.new_access_key_id)
    inactive = " (it is inactive)" if new is not None and new.status == "Inactive" else ""
    return Wait(f"the first use of {rotation.new_access_key_id}{inactive}")


def rotation_of(account: Account, user_id: str) -> KeyRotation:
    """Raises NoSuchEntity."""
    rotation = account[KEY_ROTATIONS].get(user_id)
    if rotation is None:
        name = owner_name(account, user_id)
        begin = suggested_command("muniment", "rotate", "access-key", name, "--to-file", "FILE")
        raise NoSuchEntity(f"No rotation of {name} is under way: begin one with {begin}")
    return rotation


def is_seen_in_use(account: Account, rotation: KeyRotation) -> bool:
    """Since it was handed over. What was called before that, the handover itself may have tried. Uses are told at most
    once in 15 minutes: one that follows another closely is seen at the next."""
    used = account[LAST_USES].get(rotation.new_access_key_id)
    return used is not None and rotation.handed_over_at is not None and used.at >= rotation.handed_over_at


def was_used(account: Account, rotation: KeyRotation) -> bool:
    """Whether somebody has the new key's secret, for it has signed."""
    return rotation.new_access_key_id in account[LAST_USES]


def _has_lost_its_key(account: Account, rotation: KeyRotation) -> bool:
    """Somebody has deleted the new key by hand before it was handed over: it begins anew."""
    return rotation.stage == "started" and rotation.new_access_key_id not in account[ACCESS_KEYS].by_id


def _why_stopped(account: Account, rotation: KeyRotation, *, force: bool) -> str | None:
    keys = account[ACCESS_KEYS].by_id
    new, old = keys.get(rotation.new_access_key_id), keys.get(rotation.old_access_key_id)
    if new is None:
        return f"the new key {rotation.new_access_key_id} is deleted"
    since = rotation.observed_since
    if since is not None and old is not None and (old.status == "Active" or old.changed_at > since):
        return f"the old key {rotation.old_access_key_id} was activated again"
    if rotation.stage == "started":
        return None
    if force and new.id in account[LEAK_REPORTS]:
        return f"the new key {new.id} was reported leaked: delete it, and begin anew"
    replaces = force or rotation.stage == "observing" or is_seen_in_use(account, rotation)
    if replaces and new.status == "Inactive":
        return f"the new key {new.id} was deactivated"
    return None


def _refuse_other_old(account: Account, rotation: KeyRotation, old_access_key_id: str | None) -> None:
    if old_access_key_id not in {None, rotation.old_access_key_id}:
        raise OperationNotPermittedException(
            f"A rotation of {owner_name(account, rotation.user_id)} is under way from {rotation.old_access_key_id} to "
            f"{rotation.new_access_key_id}, not from {old_access_key_id}. Stop it first: "
            f"{suggested_command('muniment', 'rotate', 'stop', owner_name(account, rotation.user_id))}"
        )


def _old_key(account: Account, user_id: str, keys: Sequence[AccessKey], named: str | None) -> AccessKey:
    """The one that is to be replaced. Raises NoSuchEntity and OperationNotPermittedException."""
    name = owner_name(account, user_id)
    if not keys:
        create = suggested_command("aws", "iam", "create-access-key", "--user-name", name)
        raise NoSuchEntity(f"{name} has no access key that could be rotated: create one with {create}")
    found = [key for key in keys if named in {None, key.id}]
    if not found:
        raise NoSuchEntity(f"The Access Key with id {named} cannot be found.", f"of {name}")
    if len(found) == 1:
        return found[0]
    told = " and ".join(f"{key.id} ({key.status}, created {key.created_at:%Y-%m-%d})" for key in keys)
    raise OperationNotPermittedException(
        f"{name} has two access keys already, {told}: no third one can be made. If one of them replaces the other, say "
        "which is the old one with --old KEY; if one is not needed, delete it: "
        f"{suggested_command('aws', 'iam', 'delete-access-key', '--user-name', name, '--access-key-id', 'KEY')}"
    )


def _given_up(account: Account, rotation: KeyRotation, access_key_id: str) -> Steps:
    """Of the key that the rotation has made, and nobody has. Raises OperationNotPermittedException."""
    lost = _lost_key(account, rotation)
    if access_key_id != rotation.new_access_key_id or not lost:
        raise OperationNotPermittedException(
            f"{access_key_id} is not given up: expected the key that a rotation has made, of which nobody has got the "
            f"secret. That of {owner_name(account, rotation.user_id)} is to {rotation.new_access_key_id}, "
            f"{'used already' if was_used(account, rotation) else rotation.stage}."
        )
    return lost


def _lost_key(account: Account, rotation: KeyRotation) -> Steps:
    there = rotation.new_access_key_id in account[ACCESS_KEYS].by_id
    if rotation.stage != "started" or not there or was_used(account, rotation):
        return ()
    return delete_access_key(account, user_id=rotation.user_id, access_key_id=rotation.new_access_key_id)


def _started(
    account: Account, old_id: str, new_id: str, user_id: str, observe_days: int, *, made_key: bool = True
) -> KeyRotationStarted:
    return KeyRotationStarted(
        user_id=user_id,
        user_name=owner_name(account, user_id),
        old_access_key_id=old_id,
        new_access_key_id=new_id,
        observe_days=observe_days,
        made_key=made_key,
    )


def _step(
    account: Account,
    event: type[KeyRotationHandedOver | KeyRotationObserved | KeyRotationFinished | KeyRotationStopped],
    rotation: KeyRotation | KeyRotationStarted,
    **fields: object,
) -> AccountChange:
    named = {
        "user_id": rotation.user_id,
        "user_name": owner_name(account, rotation.user_id),
        "old_access_key_id": rotation.old_access_key_id,
        "new_access_key_id": rotation.new_access_key_id,
    }
    return event.model_validate({**named, **fields})
