"""Lifecycle profiles: which rules an account's credentials live by. An account sets one of its own, or has that of the
nearest organizational unit above it, or the built-in `default`. Which one, and every version that ever was in force,
the account's ledger says."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from immutables import Map
from pydantic import Field

from domain.account import Account, AffectsNobody, Component, OfAccount
from domain.facts import AttributeValue, Fact, FactKind, FactValue, tells_facts
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.events import Value
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta

DAYS_MAX = 3_650
WARNINGS_MAX = 5
OVERRIDES_MAX = 20
NAMES_MAX = 50
"""So many profiles of different names an account may have had."""
RuleDays = Annotated[int, Field(ge=0, le=DAYS_MAX)]
SomeDays = Annotated[int, Field(ge=1, le=DAYS_MAX)]


class DeadlineAction(Value):
    """What happens to a credential when it is overdue or idle."""

    action: Literal["deactivate", "record"] = "record"
    delete_after_days: SomeDays | None = None
    """So many days after it was deactivated it is deleted, if nobody has activated it; None: it stays."""


RECORD = DeadlineAction()


class CredentialRules(Value):
    """For one kind of credential. What is left out has no limit."""

    max_age_days: SomeDays | None = None
    """From its creation, or from the last change of a password."""
    warn_before_days: Annotated[tuple[SomeDays, ...], Field(max_length=WARNINGS_MAX)] = ()
    """Before it is due, and before it expires by itself."""
    overdue_after_days: RuleDays = 0
    """After it was due."""
    overlap_days: SomeDays | None = None
    """For which a credential may be active beside its successor."""
    max_idle_days: SomeDays | None = None
    """From its last use, or from its creation."""
    when_overdue: DeadlineAction = RECORD
    """For an exceeded overlap, too."""
    when_idle: DeadlineAction = RECORD
    on_compromise: Literal["contain", "deactivate", "record"] | None = None
    """None: of an override, as in the general rules; of those, record."""
    basis: Annotated[str, Field(max_length=256)] | None = None
    """The source of the numbers, for people to read."""


class TagMatch(Value):
    key: Annotated[str, Field(max_length=128)]
    value: Annotated[str, Field(max_length=256)]


Rules = dict[CredentialKind, CredentialRules]


class ProfileOverride(Value):
    """Other rules for some: the kinds that it names have its rules alone. Of several that fit the first counts."""

    name: Annotated[str, Field(max_length=64)]
    path: Annotated[str, Field(max_length=512)] | None = None
    """The owner's path begins so."""
    tag: TagMatch | None = None
    """The owner has this tag. With a path, both have to fit."""
    rules: Rules


class LifecycleProfile(Value):
    """A named set of rules; a change of the rules is another version."""

    name: Annotated[str, Field(max_length=64)]
    version: Annotated[int, Field(ge=1)]
    description: Annotated[str, Field(max_length=512)] | None = None
    rules: Rules
    overrides: Annotated[tuple[ProfileOverride, ...], Field(max_length=OVERRIDES_MAX)] = ()

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"

    def says_the_same(self, other: "LifecycleProfile") -> bool:
        """Whatever the versions."""
        return self.model_copy(update={"version": other.version}) == other

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """All that it says, rule by rule, for facts and differences."""
        said: dict[str, AttributeValue] = {"lifecycle_profile": str(self)}
        for prefix, rules in (("", self.rules), *((f"{each.name}.", each.rules) for each in self.overrides)):
            for kind, of_kind in rules.items():
                for name, value in of_kind.model_dump(exclude_defaults=True, mode="json").items():
                    said[f"{prefix}{kind}.{name}"] = value if isinstance(value, int) else json.dumps(value)
        for order, each in enumerate(self.overrides, 1):
            applies = each.model_dump_json(include={"path", "tag"}, exclude_none=True)
            said[f"{each.name}.applies_to"] = f"{order}. {applies}"
        return said


LIFECYCLE_PROFILE = Component[LifecycleProfile | None]("lifecycle_profile", None)
"""The account's own; None where it has none."""
LIFECYCLE_PROFILE_VERSIONS = Component[Map[str, LifecycleProfile]]("lifecycle_profile_versions", Map())
"""The newest version of each name that the account has ever set."""


def _parts(account: Account, _account_id: str, _subject: str) -> Parts:
    profile = account[LIFECYCLE_PROFILE]
    return {} if profile is None else {"profile": profile.model_dump_json()}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    profile = LifecycleProfile.model_validate_json(parts["profile"]) if parts else None
    return delta.account.put(LIFECYCLE_PROFILE, profile)


LineageKind(
    "lifecycle_profile",
    "lifecycle profile of {account}",
    setting=Setting(_parts, _without, openings=lambda _delta: iter(()), is_keyed=True),
)
"""It lets nobody in: what it keeps alive had been made before."""
PROFILE_FACT = FactKind("lifecycle profile", "was set", "was removed")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    profile = account[LIFECYCLE_PROFILE]
    if subject != account.id or profile is None:
        return
    yield Fact(PROFILE_FACT, account.id), FactValue(str(profile), profile.attributes)


class LifecycleProfileSet(OfAccount, AffectsNobody, topic="account.lifecycle_profile.set.v1"):
    """The account's credentials live by these rules. All of them are in it, so that a ledger folds with nothing beside
    it."""

    profile: LifecycleProfile

    def fold(self, account: Account, at: datetime) -> Account:
        versions, account = account[LIFECYCLE_PROFILE_VERSIONS], account.put(LIFECYCLE_PROFILE, self.profile)
        newest = versions.get(self.profile.name)
        # What is put back as it was has an earlier version.
        if newest is not None and newest.version > self.profile.version:
            return account
        return account.put(LIFECYCLE_PROFILE_VERSIONS, versions.set(self.profile.name, self.profile))

    def describe(self) -> str:
        return f"The lifecycle profile {self.profile} was set."


class LifecycleProfileRemoved(OfAccount, AffectsNobody, topic="account.lifecycle_profile.removed.v1"):
    """The account has no profile of its own any more."""

    profile_name: str
    sentence = "The lifecycle profile {profile_name} was removed."

    def fold(self, account: Account, at: datetime) -> Account:
        if account[LIFECYCLE_PROFILE] is None:
            raise LookupError("There is no lifecycle profile of the account's own.")
        return account.put(LIFECYCLE_PROFILE, None)
