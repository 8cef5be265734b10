"""Exemptions: whose credentials a profile's rules do not concern, or who is exempt from controls, why, and until when.
They end by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from immutables import Map

from domain.account import Account, AffectsNobody, Component, forget_key
from domain.facts import Attributes, Fact, FactKind, FactValue, tells_facts
from domain.foundation.credential_kind import CredentialKind, kind_title
from domain.foundation.personal import Personal
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta


@dataclass(frozen=True, slots=True)
class Exemption:
    id: str
    owner_id: str
    """Who is exempt: a unique id, the account id for root and the account, an ARN."""
    kinds: tuple[CredentialKind, ...]
    """Of whose credentials; none: all. None where there are controls."""
    reason: str
    until: datetime
    granted_at: datetime
    controls: tuple[str, ...] = ()
    """FRAMEWORK/CONTROL: from these alone, and from no rule of a profile."""
    asked: tuple[str, ...] = ()
    """Of each of these a digest of what it looked at then: another version of the framework may ask something else."""

    def covers(self, kind: CredentialKind, at: datetime) -> bool:
        return at < self.until and not self.controls and (not self.kinds or kind in self.kinds)

    @property
    def title(self) -> str:
        """Of what it is."""
        return ", ".join(self.controls or map(kind_title, self.kinds)) or "every credential"


Exemptions = Map[str, Map[str, Exemption]]
_NONE: Map[str, Exemption] = Map()
EXEMPTIONS = Component[Exemptions]("exemptions", Map(), forget=forget_key)
"""By the owner's id, and by their own. They go with the owner."""


def _parts(account: Account, owner_id: str, exemption_id: str) -> Parts:
    exemption = exemptions_of(account, owner_id).get(exemption_id)
    if exemption is None:
        return {}
    of = (*exemption.kinds, *exemption.controls, *exemption.asked)
    return {exemption_id: " ".join((exemption.until.isoformat(), *of))}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    former = exemptions_of(delta.former, delta.owner_id).get(delta.subject_id) if parts else None
    if former is None and not delta.introduced:
        return delta.account
    return _with(delta.account, delta.owner_id, delta.subject_id, former)


def _with(account: Account, owner_id: str, exemption_id: str, exemption: Exemption | None) -> Account:
    """The account with this exemption in the place of the one of its id, or without it. Raises KeyError where there is
    none to end."""
    theirs = exemptions_of(account, owner_id)
    kept = theirs.delete(exemption_id) if exemption is None else theirs.set(exemption_id, exemption)
    exemptions = account[EXEMPTIONS]
    return account.put(EXEMPTIONS, exemptions.set(owner_id, kept) if kept else exemptions.delete(owner_id))


EXEMPTION_SETTING = Setting(_parts, _without, openings=lambda _delta: iter(()), is_keyed=True)
"""It lets nobody in: what it keeps alive had been made before."""
LineageKind("exemption", "exemption of {name}", setting=EXEMPTION_SETTING)
LineageKind("exemption_revoked", "exemption of {name} revoked", setting=EXEMPTION_SETTING)
EXEMPTION_FACT = FactKind("exemption", "was granted", "ended")


def exemptions_of(account: Account, owner_id: str) -> Map[str, Exemption]:
    return account[EXEMPTIONS].get(owner_id, _NONE)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for exemption in exemptions_of(account, subject).values():
        said: Attributes = {"kinds": exemption.kinds, "reason": exemption.reason, "until": exemption.until}
        if exemption.controls:
            said = {**said, "controls": exemption.controls}
        yield Fact(EXEMPTION_FACT, exemption.id), FactValue(exemption.id, said)


class ExemptionChange(AffectsNobody):
    exemption_id: str
    owner_id: str
    owner_name: Personal[str]
    subject = "owner_id"

    def ended(self, account: Account) -> Account:
        """Raises LookupError where there is no such exemption."""
        return _with(account, self.owner_id, self.exemption_id, None)


class ExemptionGranted(ExemptionChange, topic="account.exemption.granted.v1"):
    kinds: tuple[CredentialKind, ...]
    reason: Personal[str]
    until: datetime
    controls: tuple[str, ...] | None = None
    asked: tuple[str, ...] | None = None

    def exemption(self, at: datetime) -> Exemption:
        of_controls = self.controls or (), self.asked or ()
        return Exemption(self.exemption_id, self.owner_id, self.kinds, self.reason, self.until, at, *of_controls)

    def fold(self, account: Account, at: datetime) -> Account:
        return _with(account, self.owner_id, self.exemption_id, self.exemption(at))

    def describe(self) -> str:
        what, until = self.exemption(self.until).title, f"until {self.until:%Y-%m-%d %H:%M} UTC"
        if self.controls:
            return f"The controls {what} do not concern {self.owner_name} {until} ({self.reason})."
        return f"Lifecycle rules do not concern {what} of {self.owner_name} {until} ({self.reason})."


class ExemptionRevoked(ExemptionChange, topic="account.exemption.revoked.v1"):
    sentence = "The exemption {exemption_id} of {owner_name} was revoked."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.ended(account)


class ExemptionExpired(ExemptionChange, topic="account.exemption.expired.v1"):
    """Its time was over. That it ended then needed nobody."""

    due_at: datetime
    reason: Personal[str]
    sentence = "The exemption {exemption_id} of {owner_name} expired."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.ended(account)
