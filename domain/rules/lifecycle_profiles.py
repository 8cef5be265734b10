"""Which lifecycle profile is in force for an account, what it says of a credential, and what may be set."""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ValidationError as Invalid

from domain.account import Account
from domain.entity_kinds import find_entity
from domain.families.lifecycle_profiles import (
    LIFECYCLE_PROFILE,
    LIFECYCLE_PROFILE_VERSIONS,
    NAMES_MAX,
    CredentialRules,
    LifecycleProfile,
    LifecycleProfileRemoved,
    LifecycleProfileSet,
    Rules,
    TagMatch,
)
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.tags import tag_id, tags_of
from domain.foundation.credential_kind import KIND_NAMES, CredentialKind, kind_title
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError

PROFILE_CHARACTERS_MAX = 16_384
"""Of a profile as JSON: it rides in an event."""
MESSAGES_MAX = 3
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What is set is recorded, and PostgreSQL takes no U+0000; and it is shown on terminals."""


class _Limits(NamedTuple):
    """Which rules there can be for a kind."""

    max_age_days: bool = False
    overlap_days: bool = False
    max_idle_days: bool = False
    """Only where its use is recorded here: passwords, SSH keys and certificates are used elsewhere."""
    deactivates: bool = False
    expires: bool = False
    compromise: bool = False


_LIMITS: Mapping[CredentialKind, _Limits] = {
    "access_key": _Limits(max_age_days=True, overlap_days=True, max_idle_days=True, deactivates=True, compromise=True),
    "password": _Limits(max_age_days=True),
    "mfa_device": _Limits(max_age_days=True),
    "ssh_public_key": _Limits(max_age_days=True, deactivates=True),
    "signing_certificate": _Limits(max_age_days=True, deactivates=True, expires=True),
    "service_specific_credential": _Limits(max_age_days=True, deactivates=True, expires=True),
    "server_certificate": _Limits(max_age_days=True, expires=True),
    "provider_certificate": _Limits(expires=True),
    "user": _Limits(max_idle_days=True),
    "role": _Limits(max_idle_days=True),
}
NO_RULES = CredentialRules()


def records_use(kind: CredentialKind) -> bool:
    """Whether the use of such credentials is recorded here: passwords, SSH keys and certificates are used elsewhere."""
    return _LIMITS[kind].max_idle_days


def _warns_of_expiry(basis: str) -> Rules:
    return {
        kind: CredentialRules(warn_before_days=(30, 7), basis=basis) for kind in KIND_NAMES if _LIMITS[kind].expires
    }


def _built_in() -> Iterator[LifecycleProfile]:
    cis_key = CredentialRules(max_age_days=90, warn_before_days=(14,), max_idle_days=45, basis="CIS 1.14 and 1.12")
    yield LifecycleProfile(
        name="default",
        version=2,
        description="A warning before the age of CIS, and a time of grace behind it.",
        rules={
            "access_key": cis_key.model_copy(update={"overdue_after_days": 14, "overlap_days": 30}),
            "user": CredentialRules(max_idle_days=90),
            "role": CredentialRules(max_idle_days=90),
            **_warns_of_expiry("They end by themselves."),
        },
    )
    yield LifecycleProfile(
        name="cis-5.0",
        version=1,
        description="CIS AWS Foundations Benchmark 5.0.0. Of passwords it demands no change with time.",
        rules={
            "access_key": cis_key,
            "user": CredentialRules(max_idle_days=45, basis="CIS 1.12"),
            **_warns_of_expiry("CIS 1.19: expired certificates are removed"),
        },
    )
    yield LifecycleProfile(
        name="pci-4.0",
        version=1,
        description="PCI DSS 4.0. Passwords that are the only factor are changed every 90 days.",
        rules={
            "access_key": CredentialRules(
                max_age_days=90,
                warn_before_days=(14,),
                max_idle_days=90,
                basis="PCI DSS 8.6.3, whose frequency is the entity's own to set: AWS Config's 90 days; 8.2.6",
            ),
            "password": CredentialRules(max_age_days=90, warn_before_days=(14,), basis="PCI DSS 8.3.9"),
            "user": CredentialRules(max_idle_days=90, basis="PCI DSS 8.2.6"),
            **_warns_of_expiry("PCI DSS 4.2.1: certificates are valid"),
        },
    )
    yield LifecycleProfile(
        name="nist-800-63b",
        version=1,
        description="NIST SP 800-63B. Secrets are changed on evidence of compromise, and not because time has passed.",
        rules=_warns_of_expiry("They end by themselves."),
    )


BUILT_IN_PROFILES: Mapping[str, LifecycleProfile] = MappingProxyType({each.name: each for each in _built_in()})
"""They only record. By name."""
DEFAULT_PROFILE = BUILT_IN_PROFILES["default"]


class ProfileInForce(NamedTuple):
    profile: LifecycleProfile
    source: str
    """Where it is set: the account's id, that of an organizational unit or root, or `built-in`."""


def profile_in_force(account: Account) -> ProfileInForce:
    """The account's own, or that of the nearest level above it, or the built-in `default`."""
    own = account[LIFECYCLE_PROFILE]
    if own is not None:
        return ProfileInForce(own, account.id)
    return next(organization_profiles(account), ProfileInForce(DEFAULT_PROFILE, "built-in"))


def organization_profiles(account: Account) -> Iterator[ProfileInForce]:
    """Those of the levels above the account and of its own place in the organization, the nearest first."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    for level in reversed(() if membership is None else membership.levels):
        if level.lifecycle_profile is not None:
            yield ProfileInForce(level.lifecycle_profile, level.id)


class AppliedRules(NamedTuple):
    """What a profile says of one kind of an owner's credentials."""

    rules: CredentialRules
    profile: LifecycleProfile
    override: str | None = None


def applied_rules(
    account: Account, owner_id: str, kind: CredentialKind, profile: LifecycleProfile | None = None
) -> AppliedRules:
    """By the first override that fits the owner's path and tags and names the kind, or else by the general rules. The
    profile is the one in force, unless another is asked about."""
    profile = profile or profile_in_force(account).profile
    for override in profile.overrides:
        if kind in override.rules and _fits(account, owner_id, override.path, override.tag):
            return AppliedRules(override.rules[kind], profile, override.name)
    return AppliedRules(profile.rules.get(kind, NO_RULES), profile)


def _fits(account: Account, owner_id: str, path: str | None, tag: TagMatch | None) -> bool:
    found = find_entity(account, owner_id)
    # Root has no path and no tags.
    if found is None or (path is not None and not found[1].path.startswith(path)):
        return False
    if tag is None:
        return True
    carried = tags_of(account, owner_id).get(tag_id(found[0].noun, tag.key))
    return carried is not None and carried.value == tag.value


def read_profile(document: str) -> LifecycleProfile:
    """A profile from its JSON, with version 1 where it says none.

    Raises ValidationError, which says what is wrong and where, and LimitExceeded.
    """
    return _read(document, versioned=False)


def read_versioned_profile(document: str) -> LifecycleProfile:
    """Like `read_profile`, where nobody counts the versions: it says its own."""
    return _read(document, versioned=True)


def _read(document: str, *, versioned: bool) -> LifecycleProfile:
    if len(document) > PROFILE_CHARACTERS_MAX:
        raise LimitExceeded(f"Expected a profile of at most {PROFILE_CHARACTERS_MAX} characters; got {len(document)}.")
    try:
        given = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"The profile is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValidationError("A profile is a JSON object with name and rules.")
    if versioned and "version" not in given:
        raise ValidationError("The profile is not valid. version: expected a number beside its name.")
    try:
        profile = LifecycleProfile.model_validate({"version": 1, **given})
    except Invalid as invalid:
        wrong = invalid.errors(include_url=False, include_input=False)
        said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong[:MESSAGES_MAX]]
        more = f" And {len(wrong) - MESSAGES_MAX} more." if len(wrong) > MESSAGES_MAX else ""
        raise ValidationError(f"The profile is not valid. {'; '.join(said)}.{more}") from None
    refuse_unfit(profile)
    return profile


def refuse_unfit(profile: LifecycleProfile) -> None:
    """Raises ValidationError for a rule that could never be kept or would never have an effect."""
    _refuse_unfit_name("name", profile.name)
    _refuse_control_characters(description=profile.description)
    for kind, rules in profile.rules.items():
        _refuse_unfit_rules(f"rules.{kind}", kind, rules)
    names = [override.name for override in profile.overrides]
    for number, override in enumerate(profile.overrides):
        place = f"overrides.{number}"
        _refuse_unfit_name(f"{place}.name", override.name)
        if override.name in names[:number]:
            raise ValidationError(f"{place}: two overrides have the name {override.name}.")
        tag = override.tag
        _refuse_control_characters(**{f"{place}.path": override.path})
        if tag is not None:
            _refuse_control_characters(**{f"{place}.tag.key": tag.key, f"{place}.tag.value": tag.value})
        if override.path is None and tag is None:
            raise ValidationError(f"{place}: expected a path, a tag or both that say whom it concerns.")
        if override.path is not None and not (override.path.startswith("/") and override.path.endswith("/")):
            raise ValidationError(f"{place}.path: a path begins and ends with a slash; got {override.path}.")
        for kind, rules in override.rules.items():
            _refuse_unfit_rules(f"{place}.rules.{kind}", kind, rules)


def _refuse_control_characters(**texts: str | None) -> None:
    for place, text in texts.items():
        if text is not None and CONTROL.search(text):
            raise ValidationError(f"{place}: expected a text without control characters; got {text!r}.")


def _refuse_unfit_name(place: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValidationError(
            f"{place}: expected lower-case letters, digits, dots, dashes and underscores, a letter or digit first; "
            f"got {name!r}."
        )


def _refuse_unfit_rules(place: str, kind: CredentialKind, rules: CredentialRules) -> None:
    limits, title = _LIMITS[kind], kind_title(kind)
    _refuse_control_characters(**{f"{place}.basis": rules.basis})
    for name in ("max_age_days", "overlap_days", "max_idle_days"):
        if getattr(rules, name) is not None and not getattr(limits, name):
            why = " Its use is not recorded here." if name == "max_idle_days" else ""
            raise ValidationError(f"{place}.{name}: there is no such rule for a {title}.{why}")
    _refuse_unfit_warnings(place, rules, expires=limits.expires)
    if rules.on_compromise not in {None, "record"} and not limits.compromise:
        raise ValidationError(f"{place}.on_compromise: leaks of a {title} are not reported here; expected record.")
    for name, deadline, limited in (
        ("when_overdue", rules.when_overdue, rules.max_age_days or rules.overlap_days),
        ("when_idle", rules.when_idle, rules.max_idle_days),
    ):
        if deadline.action == "deactivate" and not limits.deactivates:
            raise ValidationError(f"{place}.{name}: a {title} cannot be deactivated; expected record.")
        if deadline.action == "deactivate" and limited is None:
            raise ValidationError(f"{place}.{name}: expected a limit beside it, such as max_age_days or max_idle_days.")
        if deadline.delete_after_days is not None and deadline.action != "deactivate":
            raise ValidationError(f"{place}.{name}.delete_after_days: only what was deactivated is deleted.")


def _refuse_unfit_warnings(place: str, rules: CredentialRules, *, expires: bool) -> None:
    age, warned = rules.max_age_days, rules.warn_before_days
    if age is None and (rules.overdue_after_days or (warned and not expires)):
        name = "warn_before_days" if warned else "overdue_after_days"
        raise ValidationError(f"{place}.{name}: expected max_age_days beside it, from which it counts.")
    if age is not None and max(warned, default=0) >= age:
        raise ValidationError(f"{place}.warn_before_days: expected fewer days than max_age_days, {age}.")
    if len(set(warned)) < len(warned):
        raise ValidationError(f"{place}.warn_before_days: a number stands there twice.")


def set_profile(account: Account, profile: LifecycleProfile) -> tuple[LifecycleProfileSet, ...]:
    """The account's own from here on. A built-in one keeps its version; any other gets the version behind the newest of
    its name, of the account or of a level above it, or that one's where it says the same. No event where it is the
    account's own already.

    Raises ValidationError for a built-in name with other rules, and LimitExceeded.
    """
    built_in = BUILT_IN_PROFILES.get(profile.name)
    versions = account[LIFECYCLE_PROFILE_VERSIONS]
    known = (*versions.values(), *(each.profile for each in organization_profiles(account)))
    namesakes = (each for each in known if each.name == profile.name)
    newest = max(namesakes, key=lambda each: each.version, default=None)
    if built_in is not None:
        if not profile.says_the_same(built_in):
            raise ValidationError(f"{profile.name} is a built-in profile; expected another name for other rules.")
        profile = built_in
    elif newest is not None:
        same = profile.says_the_same(newest)
        profile = newest if same else profile.model_copy(update={"version": newest.version + 1})
    elif len(versions) >= NAMES_MAX:
        raise LimitExceeded(f"An account has had profiles of at most {NAMES_MAX} names.")
    else:
        profile = profile.model_copy(update={"version": 1})
    return () if account[LIFECYCLE_PROFILE] == profile else (LifecycleProfileSet(profile=profile),)


def remove_profile(account: Account) -> LifecycleProfileRemoved:
    """Raises NoSuchEntity."""
    own = account[LIFECYCLE_PROFILE]
    if own is None:
        raise NoSuchEntity(
            f"The account has no lifecycle profile of its own: {profile_in_force(account).profile} is in force."
        )
    return LifecycleProfileRemoved(profile_name=own.name)
