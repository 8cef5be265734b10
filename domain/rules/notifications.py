"""Notification targets: which there may be, which events each is told, and whose address a credential's owner has."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from domain.account import Account, AccountChange
from domain.families.compliance_frameworks import ComplianceViolationEvent
from domain.families.exemptions import ExemptionExpired
from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.notices import CredentialEvent
from domain.families.notifications import (
    NOTIFICATION_TARGETS,
    NotificationTarget,
    NotificationTargetAdded,
    NotificationTargetRemoved,
    NotificationTargetTested,
    TargetDefinition,
    TargetKind,
    Targets,
)
from domain.families.roles import ROLES
from domain.families.tags import tag_id, tags_of
from domain.families.users import USERS
from domain.foundation.credential_kind import KIND_NAMES, CredentialKind
from domain.foundation.email_addresses import is_email_address
from domain.foundation.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.events import Change, Event, event_classes, topics_of
from domain.foundation.nearest import nearest
from domain.installation import Installation, OperatorTargetAdded, OperatorTargetRemoved, OperatorTargetTested

TARGETS_MAX = 10
"""Of an account, and of the operator."""
PATTERNS_MAX = 20
PATTERN_CHARACTERS_MAX = 100
DESTINATION_CHARACTERS_MAX = 2_048
TAG_KEY_CHARACTERS_MAX = 128
TOLD_AT_ONCE = (CredentialReportedLeaked, NotificationTargetRemoved, OperatorTargetRemoved)
"""No mail about these waits for the day to end, and every target is told unless it chose its events: so no target is
silenced unnoticed."""
_KINDS_BY_NOUN: Mapping[str, CredentialKind] = {
    "login_profile": "password",
    "root_login_profile": "password",
    "mfa_code": "mfa_device",
    "key_rotation": "access_key",
    "saml_provider": "provider_certificate",
    **{kind: kind for kind in KIND_NAMES},
}
"""By what the topic of an event that names no kind is about, such as iam.access_key.created.v1."""
_OWN = (NotificationTargetTested, NotificationTargetRemoved)
_OPERATORS_OWN = (OperatorTargetTested, OperatorTargetRemoved)
"""A target is told these of itself, whatever it chose."""
LOCAL_KINDS: frozenset[TargetKind] = frozenset({"file", "command"})

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


def add_target(account: Account, *, target_id: str, name: str, definition: TargetDefinition) -> NotificationTargetAdded:
    """Raises ValidationError, EntityAlreadyExists, LimitExceeded, and NoSuchEntity for an owner that is not there: the
    target would never be told anything."""
    if definition.kind in LOCAL_KINDS:
        raise ValidationError(f"A {definition.kind} is on the server's machine: the operator adds it, with --local.")
    _refuse_unfit(account[NOTIFICATION_TARGETS], name, definition, AccountChange)
    if definition.owner == "root":
        definition = replace(definition, owner=account.id)
    if definition.owner is not None:
        _refuse_unknown_owner(account, definition.owner)
    return NotificationTargetAdded(target_id=target_id, target_name=name, definition=definition)


def remove_target(account: Account, *, name: str) -> NotificationTargetRemoved:
    """Raises NoSuchEntity."""
    found = find_target(account[NOTIFICATION_TARGETS], name)
    return NotificationTargetRemoved(target_id=found.id, target_name=name, kind=found.definition.kind)


def tested_target(account: Account, *, name: str, owner_id: str) -> NotificationTargetTested:
    """Raises NoSuchEntity."""
    found = find_target(account[NOTIFICATION_TARGETS], name)
    return NotificationTargetTested(target_id=found.id, target_name=name, owner_id=owner_id)


def add_operator_target(
    installation: Installation, *, target_id: str, name: str, definition: TargetDefinition, of_account_id: str | None
) -> OperatorTargetAdded:
    """Raises ValidationError, EntityAlreadyExists, LimitExceeded and NoSuchEntity."""
    if of_account_id is not None and of_account_id not in installation.accounts:
        raise NoSuchEntity(f"There is no account {of_account_id} here.")
    _refuse_unfit(installation.notification_targets, name, definition, Change)
    return OperatorTargetAdded(
        target_id=target_id, target_name=name, definition=definition, of_account_id=of_account_id
    )


def remove_operator_target(installation: Installation, *, name: str) -> OperatorTargetRemoved:
    """Raises NoSuchEntity."""
    found = find_target(installation.notification_targets, name)
    return OperatorTargetRemoved(target_id=found.id, target_name=name, kind=found.definition.kind)


def tested_operator_target(installation: Installation, *, name: str) -> OperatorTargetTested:
    """Raises NoSuchEntity."""
    found = find_target(installation.notification_targets, name)
    return OperatorTargetTested(target_id=found.id, target_name=name)


def find_target(targets: Targets, name: str) -> NotificationTarget:
    """Raises NoSuchEntity."""
    if name not in targets:
        raise NoSuchEntity(f"There is no notification target {name}.", suggestion=nearest(name, targets))
    return targets[name]


def _refuse_unfit(targets: Targets, name: str, definition: TargetDefinition, told: type[Change]) -> None:
    if not _NAME.fullmatch(name):
        raise ValidationError(f"A target's name is 1 to 64 letters, digits and _+=,.@-; got {name!r}.")
    if name in targets:
        raise EntityAlreadyExists(f"There is a notification target {name} already: remove it first.")
    if len(targets) >= TARGETS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for NotificationTargets: {TARGETS_MAX}")
    if not (expected := _EXPECTED[definition.kind])[0](definition.destination):
        raise ValidationError(f"{expected[1]}; got {definition.destination!r}.")
    _refuse_unknown_events(definition.events, told)
    for kind in definition.credential_kinds:
        if kind not in KIND_NAMES:
            raise ValidationError(
                f"There is no kind of credential {kind!r}: expected one of {', '.join(KIND_NAMES)}."
                f"{nearest(kind, KIND_NAMES)}"
            )


def _refuse_unknown_owner(account: Account, owner: str) -> None:
    holders = [*account[USERS], *account[ROLES]]
    if owner != account.id and not any(owner in {holder.id, holder.name} for holder in holders):
        names = [holder.name for holder in holders]
        raise NoSuchEntity(f"There is no user or role {owner}.", suggestion=nearest(owner, names))


def _refuse_unknown_events(patterns: tuple[str, ...], told: type[Change]) -> None:
    if len(patterns) > PATTERNS_MAX or any(len(pattern) > PATTERN_CHARACTERS_MAX for pattern in patterns):
        raise ValidationError(
            f"At most {PATTERNS_MAX} patterns of events of {PATTERN_CHARACTERS_MAX} characters are expected."
        )
    names = [event.__name__ for event in _told_classes(told)]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValidationError(
                f"No event is called {pattern!r}: expected a pattern such as Rotation* or CredentialIdle."
                f"{nearest(pattern.strip('*'), names)}"
            )


def _is_webhook_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        is_one = bool(host) and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        return False
    if len(text) > DESTINATION_CHARACTERS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        return False
    return is_one and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_path(text: str) -> bool:
    return text.startswith("/") and not text.endswith("/") and text.isprintable() and len(text) <= 1_024  # noqa: PLR2004


def _is_command_line(text: str) -> bool:
    try:
        parts = shlex.split(text)
    except ValueError:
        return False
    return bool(parts) and _is_path(parts[0]) and text.isprintable() and len(text) <= DESTINATION_CHARACTERS_MAX


def _is_tag_key(text: str) -> bool:
    return 0 < len(text) <= TAG_KEY_CHARACTERS_MAX and text.isprintable()


_EXPECTED: Final = {
    "webhook": (
        _is_webhook_url,
        "Expected an https URL of a webhook, without user name, password and fragment (http on loopback alone)",
    ),
    "email": (is_email_address, "Expected an e-mail address, such as ann@example.com"),
    "email_owner": (_is_tag_key, f"Expected a tag key of at most {TAG_KEY_CHARACTERS_MAX} characters, such as owner"),
    "file": (_is_path, "Expected the absolute path of a file"),
    "command": (_is_command_line, "Expected a command line that begins with the absolute path of a program"),
}


def _told_classes(told: type[Change]) -> Iterator[type[Event]]:
    return (event for event in event_classes().values() if issubclass(event, told))


def topics_told(definition: TargetDefinition, *, to_operator: bool) -> frozenset[str]:
    """Under which events that the target may be told are stored; besides them it is told its own tests and its end."""
    classes = _told_classes(Change if to_operator else AccountChange)
    chosen = [event for event in classes if _is_chosen(event, definition.events)]
    own = _OPERATORS_OWN if to_operator else _OWN
    return frozenset(stored for event in (*chosen, *own) for stored in topics_of(event.topic))


def _is_chosen(event: type[Event], patterns: Iterable[str]) -> bool:
    name = event.__name__
    if patterns:
        return any(fnmatchcase(name, pattern) for pattern in patterns)
    return issubclass(event, (CredentialEvent, ComplianceViolationEvent, ExemptionExpired, *TOLD_AT_ONCE))


def is_told(target_id: str, definition: TargetDefinition, event: Event) -> bool:
    """Whether the target is told the event: by its class, and by what it is about."""
    if is_own(target_id, event):
        return True
    if isinstance(event, NotificationTargetTested | OperatorTargetTested):
        return False
    said = vars(event)
    if definition.owner is not None and definition.owner not in _owner(said):
        return False
    if definition.credential_kinds and _kind(event) not in definition.credential_kinds:
        return False
    return _is_chosen(type(event), definition.events)


def is_own(target_id: str, event: Event) -> bool:
    """Whether it is the target's own test or end."""
    return isinstance(event, (*_OWN, *_OPERATORS_OWN)) and event.target_id == target_id


def is_told_at_once(event: Event) -> bool:
    return isinstance(event, (NotificationTargetTested, OperatorTargetTested, *TOLD_AT_ONCE))


def _kind(event: Event) -> str | None:
    """Of the credential that it is about; None of what is about none."""
    named = vars(event).get("credential")
    if isinstance(named, str):
        return named.lower().replace(" ", "_").replace("-", "_")
    if isinstance(event, CredentialReportedLeaked):
        return "access_key"
    return _KINDS_BY_NOUN.get(event.topic.split(".")[1])


def _owner(said: Mapping[str, object]) -> set[object]:
    """The id and the name of whose credential it is about, or of the user or role that it is about."""
    named = ["owner", "user", "role"] + (["entity"] if said.get("entity") in ("user", "role") else [])
    return {said.get(f"{each}_{what}") for each in named for what in ("id", "name")} - {None}


def owner_id_of(event: Event) -> str | None:
    """The unique id of the user or role whose credential the event is about."""
    said = vars(event)
    found = said.get("owner_id") or said.get("user_id")
    return found if isinstance(found, str) else None


def owner_address(account: Account, owner_id: str, tag_key: str) -> str | None:
    """The e-mail address in that tag of a user or role. None where there is no such tag, or no address in it: nobody
    guesses another one."""
    tag = tags_of(account, owner_id).get(tag_id("user", tag_key))
    return tag.value if tag is not None and is_email_address(tag.value) else None
